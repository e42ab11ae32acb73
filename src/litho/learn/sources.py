"""What is shown step by step: planned presentations, rows in turn, a ladder that is climbed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from litho.learn.checkpoint import Memory
from litho.learn.objectives import Rows
from litho.model.read.scoring import Target

RUNG, REPLAY = "ladder", "replay"


@dataclass(frozen=True)
class Presentation:
    """What one step shows, and what the ledger says of it."""

    rows: Rows  # of token ids; none: only self-samples are replayed
    kind: str | None = None  # what made it: an operator, RUNG, or nothing but REPLAY
    rung: str | None = None  # the version of the text that a ladder has reached
    left: int | None = None  # tokens of the text that the ladder has yet to bring in
    replies: Sequence[Target] = ()  # answers about the text in the chat format


class StepSource(Protocol):
    """Says what each step shows; one that remembers something has a `memory`, too."""

    def next(self, done: int) -> Presentation:
        """What is shown after `done` steps; the model is in the state that learns."""
        ...


@dataclass(frozen=True)
class Planned:
    """Presentations in their order, again from the beginning when all have been shown."""

    presentations: Sequence[Rows]
    kinds: Sequence[str] = ()  # what made each of them, if that is known
    replies: Sequence[Sequence[Target]] = ()  # that come with the first, the second, …

    def next(self, done: int) -> Presentation:
        place = done % len(self.presentations)
        return Presentation(
            self.presentations[place],
            self.kinds[place] if self.kinds else None,
            replies=self.replies[done % len(self.replies)] if self.replies else (),
        )


def in_turn(rows: Sequence[Sequence[int]]) -> Planned:
    """One row a step."""
    return Planned([[row] for row in rows])


class Ladder(Protocol):
    """Presentations that are made on the model as it learns."""

    @property
    def arrived(self) -> bool:
        """Whether it has nothing more to show."""
        ...

    @property
    def text(self) -> str:
        """What is shown, as it reads."""
        ...

    @property
    def left(self) -> int:
        """Tokens of the text that are still to be brought in."""
        ...

    @property
    def versions(self) -> list[list[int]]:
        """State from which `resume` goes on: token ids by scene."""
        ...

    def rows(self, done: int) -> list[list[int]]:
        """What is presented next, after `done` presentations."""
        ...

    def resume(self, versions: Sequence[list[int]]) -> None: ...


@dataclass(frozen=True)
class Climbing:
    """First the rungs of a ladder, until the text itself is reached, then another source."""

    ladder: Ladder
    then: StepSource

    def next(self, done: int) -> Presentation:
        if self.ladder.arrived:
            return self.then.next(done)
        rows = self.ladder.rows(done)
        return Presentation(rows, RUNG, self.ladder.text, self.ladder.left)

    def memory(self) -> Memory:
        return Memory(values=self.ladder.versions)

    def recall(self, memory: Memory) -> None:
        self.ladder.resume(memory.values)
