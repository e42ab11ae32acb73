"""Standard output that cannot be written stops nothing, and is told."""

import errno
import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from rich.table import Table

from litho.cli.console import Bars, results
from litho.cli.journal import show_journal
from litho.cli.main import guarded
from litho.cli.output import Output, check_written, json_text
from litho.core.errors import LithoError
from litho.core.reporter import Event
from litho.jobs.journal.result import HardSpan, JournalResult, Span


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


BRACKETS = ("[sic]", "[/i]", "[bold]b[/bold]", "\\[x]")


@pytest.mark.parametrize("text", BRACKETS)
def test_brackets_of_a_text_are_shown_as_they_stand(
    text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    span = Span(
        stage="a", document=0, kind="reading", book="b", section="", scene="", facts=(),
        text=text, losses=(1.0, 2.0),
    )  # fmt: skip
    hard = HardSpan(span=span, value=1.0, border=None, mended=None)
    journal = JournalResult(
        run="run", school="school", by="loss_jump", stages=("a",), spans=1,
        hardest={"loss_jump": (hard,)}, mended=None, sections=(), seconds=0.0,
    )  # fmt: skip
    show_journal(journal, as_json=False)
    assert text in capsys.readouterr().out
    table = Table(title=f"title {text}")
    table.add_column(f"column {text}")
    table.add_row(f"cell {text}")
    results.print(table)
    results.print(text)
    assert capsys.readouterr().out.count(text) == 4


@pytest.mark.parametrize("terminal", [False, True])
@pytest.mark.parametrize("text", BRACKETS)
def test_brackets_in_progress_are_shown_as_they_stand(
    text: str, terminal: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    from litho.cli import console

    shown = io.StringIO()
    monkeypatch.setattr(console.console, "_file", shown)
    monkeypatch.setattr(console.console, "_force_terminal", terminal)
    monkeypatch.setattr(console.console, "_width", 120)
    with Bars() as bars:
        bars(Event(stage=f"comparing with {text}.md", total=2))
        bars(Event(stage=f"comparing with {text}.md", total=2, done=1, shown={text: 0.5}))
        bars(Event(stage="", note=text))
    said = shown.getvalue()
    assert f"comparing with {text}.md" in said and f"{text} 0.5" in said and said.count(text) >= 3
