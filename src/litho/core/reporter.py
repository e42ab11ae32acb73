"""Progress: where a job says how far it is."""

from typing import Protocol


class Reporter(Protocol):
    """Where the job tells how far it is."""

    def stage(self, title: str, total: int | None = None) -> None: ...
    def advance(self, done: int, **shown: float | None) -> None: ...
