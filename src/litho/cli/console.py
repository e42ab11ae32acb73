"""Progress and messages on standard error; standard output belongs to results."""

import time

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

console = Console(stderr=True, highlight=False, emoji=False)
results = Console(highlight=False, emoji=False)


class Bars:
    """One progress line a stage: how far, what is measured, how long it will still take."""

    def __init__(self) -> None:
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("{task.fields[shown]}"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=console,
        )
        self._task: TaskID | None = None
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

    def stage(self, title: str, total: int | None = None) -> None:
        """Begin a stage of `total` steps, or of unknown length."""
        self._end_task()
        self._task = self._progress.add_task(title, total=total, shown="")
        if self._plain:
            console.print(f"{self._clock()} {title}")

    def advance(self, done: int, **shown: float | None) -> None:
        """`done` steps of the stage are behind us; show the latest measurements beside it."""
        assert self._task is not None
        text = "  ".join(
            f"{name} {value:.3g}" for name, value in shown.items() if value is not None
        )
        if text:
            self._progress.update(self._task, completed=done, shown=text)
        else:
            self._progress.update(self._task, completed=done)
        if text and self._plain:
            console.print(f"{self._clock()}   {done}: {text}")

    def _end_task(self) -> None:
        if self._task is not None:
            total = self._progress.tasks[-1].total
            done = self._progress.tasks[-1].completed
            self._progress.update(self._task, total=total or 1, completed=done if total else 1)
            self._progress.stop_task(self._task)

    def _clock(self) -> str:
        seconds = int(time.monotonic() - self._began)
        return f"[{seconds // 60:02d}:{seconds % 60:02d}]".replace("[", "\\[")
