"""Progress and messages on standard error; standard output belongs to results."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from litho.cli.output import json_text
from litho.core.reporter import Event, Listener, Reporter

if TYPE_CHECKING:
    from pydantic import BaseModel

# Texts of users, books and models are shown as they stand, whatever brackets are in them.
console = Console(stderr=True, highlight=False, emoji=False, markup=False)
results = Console(highlight=False, emoji=False, markup=False)


class Bars:
    """One progress line a stage: how far, what is measured, how long it will still take.

    Called with the events of a job.
    """

    def __init__(self) -> None:
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("{task.fields[shown]}", markup=False),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=console,
        )
        self._task: TaskID | None = None
        self._stage = ""
        self._plain = not console.is_terminal
        self._began = time.monotonic()

    def __enter__(self) -> "Bars":
        if not self._plain:
            self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end_task()
        if not self._plain:
            self._progress.stop()

    def __call__(self, event: Event) -> None:
        """Show what a job tells."""
        if event.note is not None:
            console.print(event.note, soft_wrap=True)
        elif self._task is None or event.stage != self._stage:
            self._begin(event)
        else:
            self._advance(event)

    def _begin(self, event: Event) -> None:
        self._end_task()
        self._stage = event.stage
        self._task = self._progress.add_task(event.stage, total=event.total, shown="")
        if self._plain:
            console.print(f"{self._clock()} {event.stage}")

    def _advance(self, event: Event) -> None:
        assert self._task is not None
        text = "  ".join(f"{name} {value:.3g}" for name, value in event.shown.items())
        if text:
            self._progress.update(self._task, completed=event.done, shown=text)
        else:
            self._progress.update(self._task, completed=event.done)
        if text and self._plain:
            console.print(f"{self._clock()}   {event.done}: {text}")

    def _end_task(self) -> None:
        if self._task is not None:
            total = self._progress.tasks[-1].total
            done = self._progress.tasks[-1].completed
            self._progress.update(self._task, total=total or 1, completed=done if total else 1)
            self._progress.stop_task(self._task)

    def _clock(self) -> str:
        seconds = int(time.monotonic() - self._began)
        return f"[{seconds // 60:02d}:{seconds % 60:02d}]"


@contextmanager
def reporting() -> Iterator[Reporter]:
    """A reporter that shows what it is told as `Bars` do."""
    with Bars() as bars:
        yield Listener(bars)


def print_json(result: "BaseModel") -> None:
    """The whole result on standard output, as one JSON object."""
    print(json_text(result.model_dump(mode="json")))


def say_notices(notices: Sequence[str]) -> None:
    for notice in notices:
        results.print(f"note     {notice}", soft_wrap=True)


def say_report(run: str) -> None:
    """Where the report is, if it could be written."""
    report = Path(run, "report.html")
    if report.is_file():
        results.print(f"report   {report}", soft_wrap=True)
