"""Pieces of work in several processes, which may die."""

import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from litho.core.errors import LithoError
from litho.core.processes import DEATHS, Processes
from litho.core.work import WorkLedger


@dataclass(frozen=True)
class Square:
    number: int

    def __call__(self) -> dict[str, Any]:
        return {"square": self.number**2, "process": os.getpid()}


@dataclass(frozen=True)
class DiesOnce:
    folder: Path

    def __call__(self) -> dict[str, Any]:
        died = self.folder / "died"
        if not died.exists():
            died.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return {"done": True}


@dataclass(frozen=True)
class Dies:
    folder: Path

    def __call__(self) -> dict[str, Any]:
        (self.folder / str(os.getpid())).touch()
        os._exit(3)


@dataclass(frozen=True)
class Fails:
    error: Exception

    def __call__(self) -> dict[str, Any]:
        raise self.error


class HardToSend(Exception):
    def __init__(self, first: str, second: str) -> None:
        super().__init__(f"{first} and {second}")


@dataclass(frozen=True)
class Waits:
    folder: Path

    def __call__(self) -> dict[str, Any]:
        (self.folder / "waiting").touch()
        time.sleep(60)
        return {}


def environment_says() -> None:
    os.environ["BEGUN"] = "yes"


@dataclass(frozen=True)
class Asks:
    name: str

    def __call__(self) -> dict[str, Any]:
        return {"said": os.environ.get(self.name)}


def test_several_do_what_one_does_and_are_kept(tmp_path: Path) -> None:
    with Processes(2) as processes:
        works = [({"number": n}, Square(n)) for n in range(12)]
        results = WorkLedger(tmp_path).complete(works, executor=processes)
        assert processes.do(Square(3))["process"] in {r["process"] for r in results}
    assert [r["square"] for r in results] == [n**2 for n in range(12)]
    assert os.getpid() not in {r["process"] for r in results}
    assert 1 <= len({r["process"] for r in results}) <= 2


def test_a_piece_whose_process_is_killed_is_done_again(tmp_path: Path) -> None:
    with Processes(1) as processes:
        (result,) = WorkLedger(tmp_path).complete(
            [({"piece": 1}, DiesOnce(tmp_path))], executor=processes
        )
        assert result == {"done": True}
        assert processes.do(Square(2))["square"] == 4  # the fresh one goes on


def test_a_piece_that_kills_every_process_is_given_up(tmp_path: Path) -> None:
    with Processes(1) as processes:
        with pytest.raises(LithoError, match=rf"killed its process {DEATHS} times \(exit code 3\)"):
            processes.do(Dies(tmp_path))
        assert len(list(tmp_path.iterdir())) == DEATHS
        assert processes.do(Square(2))["square"] == 4


def test_an_error_of_a_piece_is_told_as_it_was() -> None:
    with Processes(1, environment_says) as processes:
        with pytest.raises(LithoError, match=r"^the training diverged$"):
            processes.do(Fails(LithoError("the training diverged")))
        with pytest.raises(RuntimeError, match=r"^KeyError: 'x'") as told:
            processes.do(Fails(KeyError("x")))
        assert "raise self.error" in told.value.__notes__[0]
        with pytest.raises(RuntimeError, match="TypeError"):  # it arrives, but cannot be rebuilt
            processes.do(Fails(HardToSend("salt", "pepper")))
        assert processes.do(Asks("BEGUN")) == {"said": "yes"}


def test_who_leaves_does_not_wait_for_what_is_being_done(tmp_path: Path) -> None:
    pool = ThreadPoolExecutor(1)
    with Processes(1) as processes:
        waiting = pool.submit(processes.do, Waits(tmp_path))
        while not (tmp_path / "waiting").exists():
            time.sleep(0.01)
        began = time.monotonic()
    with pytest.raises(LithoError, match="killed its process"):
        waiting.result(timeout=30)
    assert time.monotonic() - began < 30
