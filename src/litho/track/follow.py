"""A job followed by trackers, none of which can stop it."""

import hashlib
import math
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from litho.core.errors import Cancelled, first_line
from litho.core.numbers import numbers_in
from litho.core.reporter import Reporter
from litho.core.runs import MANIFEST, METRICS, RunDirectory
from litho.track.tracker import Followed, Tracker, begin, chosen

REPORT = "report.html"
_SETTINGS = ("command", "config", "model", "placement", "precision", "threads", "versions")
_PATHS = ("base",)  # of a model: where it lies on this machine
_OTHER = re.compile(r"[^\w./ -]+")  # what no tracker takes in a name
_PLACE = re.compile(r"\[(\d+)\]")


class Following:
    """A reporter that tells trackers, too. One that fails is said once and then left out."""

    def __init__(self, reporter: Reporter, trackers: dict[str, Tracker]) -> None:
        self._reporter, self._trackers = reporter, trackers
        self._stage = ""

    def stage(self, title: str, total: int | None = None) -> None:
        self._stage = title
        self._reporter.stage(title, total)

    def advance(self, done: int, **shown: float | None) -> None:
        self._reporter.advance(done, **shown)
        values = _finite({name: value for name, value in shown.items() if value is not None})
        if values:
            stage = named(self._stage)
            self.tell(lambda tracker: tracker.curve(stage, done, values))

    def note(self, message: str) -> None:
        self._reporter.note(message)

    def tell(self, act: Callable[[Tracker], object]) -> None:
        """Do something with each tracker."""
        for name, tracker in list(self._trackers.items()):
            try:
                act(tracker)
            except Exception as error:  # libraries raise what they like
                del self._trackers[name]
                self._reporter.note(failed(name, error))

    def end(self, run: RunDirectory) -> None:
        """Tell what a finished run measured."""
        if not self._trackers:
            return
        values = _finite({named(path): n for path, n in numbers_in(run.read_json(METRICS))})
        self.tell(lambda tracker: tracker.numbers(values))
        report = run.path / REPORT
        if not report.is_file():
            return
        self.tell(lambda tracker: None if tracker.remote else tracker.attach(report))
        if far := [name for name, tracker in self._trackers.items() if tracker.remote]:
            self._reporter.note(
                f"note: the report quotes your text and was not sent to {', '.join(far)}"
            )


@contextmanager
def following(run: RunDirectory, reporter: Reporter) -> Iterator[Reporter]:
    """A reporter for a job whose trackers hear of it; when the block ends, all numbers are there.

    It ends before the folder gets its final name: some trackers write into it.
    """
    trackers: dict[str, Tracker] = {}
    followed = Following(reporter, trackers)
    if names := chosen():
        about = _about(run)
        for name in names:
            try:
                trackers[name] = begin(name, about)
            except Exception as error:
                reporter.note(failed(name, error))
    finished = False
    try:
        yield followed if names else reporter
        finished = True
        with suppress(Cancelled):  # too late: all is done
            followed.end(run)
    finally:
        with suppress(Cancelled):
            followed.tell(lambda tracker: tracker.close(finished))


def failed(name: str, error: Exception) -> str:
    """What the user is told of a tracker that fails."""
    said = f"{type(error).__name__}: {first_line(error)[:200]}"
    return f"note: {name} failed ({said}): the run goes on without it"


def named(text: str) -> str:
    """A name of stages or numbers that every tracker takes."""
    return _OTHER.sub("", _PLACE.sub(r".\1", text)).strip() or "job"


def _about(run: RunDirectory) -> Followed:
    manifest: dict[str, Any] = run.read_yaml(MANIFEST)
    # A run that is made once more, of the same inputs at the same place, is another one.
    begun = f"{(run.path / MANIFEST).stat().st_mtime_ns} {run.final_path}"
    known = {key: manifest[key] for key in _SETTINGS if manifest.get(key) is not None}
    return Followed(
        id=hashlib.sha256(begun.encode("utf-8", "backslashreplace")).hexdigest()[:16],
        name=run.final_path.name,
        folder=run.path,
        settings=dict(_flat(known)),
    )


def _flat(value: Any, path: str = "") -> Iterator[tuple[str, str | int | float | bool]]:  # noqa: ANN401
    """Settings by name, with a dot between a name and those inside it."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            if key not in _PATHS:
                yield from _flat(item, f"{path}.{key}" if path else str(key))
    elif value is not None:
        yield path, value if isinstance(value, str | int | float) else str(value)


def _finite(values: Mapping[str, float]) -> dict[str, float]:
    return {name: float(value) for name, value in values.items() if math.isfinite(value)}
