"""Standard output that cannot be written stops nothing, and is told."""

import errno
import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from litho.cli.main import guarded
from litho.cli.output import Output, check_written, json_text
from litho.core.errors import LithoError


class Failing(io.StringIO):
    """A stream whose writes reach a device that says no."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number

    def flush(self) -> None:
        raise OSError(self.number, "No space left on device")


def test_what_an_encoding_lacks_is_escaped() -> None:
    written = io.BytesIO()
    stream: Any = Output(io.TextIOWrapper(written, encoding="ascii"))
    print("часы \udcff ok", file=stream, flush=True)
    assert written.getvalue() == rb"\u0447\u0430\u0441\u044b \udcff ok" + b"\n"


@pytest.mark.parametrize("encoding", ["ascii", "utf-8", "koi8-r"])
def test_json_survives_every_encoding(monkeypatch: pytest.MonkeyPatch, encoding: str) -> None:
    value = {"text": "часы “é” 🦙", "run": "caf\udce9"}
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding=encoding))
    print(json_text(value), flush=True)
    assert json.loads(written.getvalue().decode(encoding)) == value


@pytest.mark.parametrize(
    ("number", "verdict", "code", "said"),
    [
        (errno.ENOSPC, 0, 2, "standard output cannot be written (No space left on device)"),
        (errno.EIO, 0, 2, "standard output cannot be written"),
        (errno.EPIPE, 0, 0, ""),  # the reader had enough
        (errno.EPIPE, 1, 1, ""),
    ],
)
def test_output_that_cannot_be_written(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    number: int,
    verdict: int,
    code: int,
    said: str,
) -> None:
    monkeypatch.setattr(sys, "stdout", Failing(number))

    def command() -> int:
        print("a result")
        sys.stdout.flush()
        print("more of it")
        return verdict

    assert guarded(command) == code
    err = capsys.readouterr().err
    assert (said in err) if said else err == ""


def test_the_finished_run_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    output: Any = Output(Failing(errno.ENOSPC))
    monkeypatch.setattr(sys, "stdout", output)
    print("a result")
    with pytest.raises(LithoError, match="the run is finished: runs/x"):
        check_written(Path("runs/x"))


def test_progress_that_nobody_reads_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", Failing(errno.EPIPE))
    done = []

    def command() -> None:
        print("[00:00] loading", file=sys.stderr, flush=True)
        done.append(True)

    assert guarded(command) == 0 and done
