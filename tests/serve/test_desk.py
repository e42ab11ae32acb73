"""Questions to the desk: one at a time, and none for a page that was left."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from litho.core.errors import LithoError
from litho.jobs.map.live import LiveReader
from litho.jobs.spec import Device
from litho.serve.desk import IDLE_S, MOST_WAITING, Desk


@pytest.fixture
def busy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Desk, list[Any]]]:
    """A desk that is at a question until the test is over, and what it was asked."""
    asked: list[Any] = []
    go_on, begun = threading.Event(), threading.Event()

    def answered(_: Desk, question: dict[str, Any]) -> Iterator[dict[str, Any]]:
        asked.append(question)
        begun.set()
        go_on.wait(10)
        yield {}

    monkeypatch.setattr(Desk, "_answered", answered)
    desk = Desk(tmp_path)
    first = threading.Thread(target=desk.ask, kwargs={"do": "read"})
    first.start()
    assert begun.wait(10)
    desk.go_on = go_on  # type: ignore[attr-defined]
    yield desk, asked
    go_on.set()
    first.join()


def test_of_estimates_for_a_page_the_latest_is_made(busy: tuple[Desk, list[Any]]) -> None:
    desk, asked = busy
    told: dict[int, str] = {}

    def ask(number: int, page: str) -> None:
        try:
            desk.ask(do="expect", page=page, number=number)
            told[number] = "answered"
        except LithoError as error:
            told[number] = str(error)

    threads = []
    for number in range(3):
        latest = dict(desk._latest)
        threads.append(threading.Thread(target=ask, args=(number, "this")))
        threads[-1].start()
        while desk._latest == latest:
            pass
    threads.append(threading.Thread(target=ask, args=(3, "other")))
    threads[-1].start()
    while "other" not in desk._latest:
        pass
    desk.go_on.set()  # type: ignore[attr-defined]
    for thread in threads:
        thread.join()
    assert told[2] == told[3] == "answered"
    assert sorted(each["number"] for each in asked[1:]) == [2, 3]
    assert all("another estimate" in told[number] for number in (0, 1))


def test_too_many_questions_are_refused(busy: tuple[Desk, list[Any]]) -> None:
    desk, _ = busy
    waiting = [threading.Thread(target=desk.ask, kwargs={"do": "read"}) for _ in range(7)]
    assert len(waiting) == MOST_WAITING - 1
    for thread in waiting:
        thread.start()
    while desk._waiting._value:
        pass
    with pytest.raises(LithoError, match="too many questions"):
        desk.ask(do="read")
    desk.go_on.set()  # type: ignore[attr-defined]
    for thread in waiting:
        thread.join()


def test_one_model_is_kept_and_those_of_the_last_estimate() -> None:
    reader = LiveReader(Device(name="cpu"))
    for name in ("tiny:gpt2", "tiny:qwen2", "tiny:llama"):
        model = reader.opened(name)
        assert list(reader.models._held.values()) == [model]
    for others in (("tiny:gpt2", "tiny:qwen2"), ("tiny:llama",)):
        with reader.lent(others) as models:
            models.place(Device(name="cpu", dtype="bfloat16"))
            names = {models.load(name).source.name for name in others}
            assert {held.source.name for held in models._held.values()} == names
        assert reader.opened("tiny:llama") is model
    assert reader.opened("tiny:gpt2").network.dtype == torch.float32


class Loaded:
    """A process that waits for questions."""

    def kill(self) -> None: ...

    def wait(self) -> None: ...


def test_a_question_after_a_long_time_keeps_its_models(busy: tuple[Desk, list[Any]]) -> None:
    desk, _ = busy
    desk._process = Loaded()  # type: ignore[assignment]
    desk._used -= 2 * IDLE_S
    looking = threading.Thread(target=desk.end_if_idle, daemon=True)
    looking.start()
    looking.join(5)
    assert not looking.is_alive() and desk._process  # the keeper does not wait for the answer
    desk.go_on.set()  # type: ignore[attr-defined]
    with desk._turn:
        pass
    desk.end_if_idle()
    assert desk._process is None
