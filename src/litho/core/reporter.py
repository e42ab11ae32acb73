"""Progress: where a job says how far it is, and where it hears that it should stop."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from litho.core.errors import Cancelled


class Reporter(Protocol):
    """Where a job tells how far it is. Any of the methods may raise `Cancelled`."""

    def stage(self, title: str, total: int | None = None) -> None:
        """Begin a stage of `total` steps, or of unknown length."""
        ...

    def advance(self, done: int, **shown: float | None) -> None:
        """`done` steps of the stage are finished; `shown` are the latest measurements."""
        ...

    def note(self, message: str) -> None:
        """Something that the user should know now, as a sentence."""
        ...


class Silent:
    """A reporter that says nothing."""

    def stage(self, title: str, total: int | None = None) -> None: ...

    def advance(self, done: int, **shown: float | None) -> None: ...

    def note(self, message: str) -> None: ...


@dataclass(frozen=True)
class Event:
    """How far a job is: `done` of `total` steps of a stage, or a note."""

    stage: str
    done: int = 0
    total: int | None = None  # None: unknown
    shown: Mapping[str, float] = field(default_factory=dict)  # measurements by name
    note: str | None = None


class Listener:
    """Passes everything on as events, and stops the job once `cancelled` says so."""

    def __init__(
        self, tell: Callable[[Event], object], cancelled: Callable[[], bool] = lambda: False
    ) -> None:
        self._tell, self._cancelled = tell, cancelled
        self._stage = ""
        self._total: int | None = None

    def stage(self, title: str, total: int | None = None) -> None:
        self._stage, self._total = title, total
        self._send(Event(title, 0, total))

    def advance(self, done: int, **shown: float | None) -> None:
        known = {name: value for name, value in shown.items() if value is not None}
        self._send(Event(self._stage, done, self._total, known))

    def note(self, message: str) -> None:
        self._send(Event(self._stage, note=message))

    def _send(self, event: Event) -> None:
        self._tell(event)
        if self._cancelled():
            raise Cancelled
