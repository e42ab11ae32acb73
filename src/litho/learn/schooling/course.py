"""The course of a stage whose curriculum adapts: what is read at each step.

It is a function of the documents and of the events, and of nothing else: whoever has the events can
read the same again, byte for byte.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from litho.learn.schooling.lesson import Lesson
from litho.learn.schooling.records import Event
from litho.learn.schooling.rows import Batch, PackedRows

Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class _Part:
    """From one event to the next: the stage, and every second step something else beside it."""

    first: int  # step of the stage
    rows: PackedRows
    steps: int  # that the rows take
    beside: PackedRows | None = None
    beside_steps: int = 0

    @property
    def paired(self) -> int:
        return min(self.steps, self.beside_steps)

    def taken(self, step: int) -> tuple[int, int]:
        """Of the first `step` steps of this part: how many are of the stage, how many beside."""
        pairs = min(step // 2, self.paired)
        left = step - 2 * pairs
        if pairs < self.paired:  # `left` is 0 or 1: what is beside comes first
            return pairs, pairs + left
        beside_left = self.beside_steps > self.steps
        return (pairs, pairs + left) if beside_left else (pairs + left, pairs)

    def batch(self, step: int) -> Batch:
        own, beside = self.taken(step)
        if self.beside and self.taken(step + 1)[1] > beside:
            return self.beside.batch(beside, self.beside_steps)
        return self.rows.batch(own, self.steps)

    def rest(self, step: int) -> Numbers:
        """Documents of the stage that are not begun after so many steps of this part."""
        own, _ = self.taken(step)
        rows = own * len(self.rows) // max(1, self.steps)
        return self.rows.order_D[self.rows.documents_before(rows * self.rows.length) :]


class Course:
    """The steps of a stage, as the events up to now have them."""

    def __init__(
        self, lessons: Sequence[Lesson], number: int, batch_tokens: int, some: int
    ) -> None:
        """`some`: tokens that are read again, or of which scenes are played, at one event."""
        self._lessons = lessons[: number + 1]
        self._batch_tokens, self._some = batch_tokens, some
        self._lesson = lessons[number]
        self.most = self._lesson.rows.steps(batch_tokens)
        self._parts = [_Part(0, self._lesson.rows, self.most)]
        self._end = self.most

    @property
    def length(self) -> int:
        """Tokens of a row."""
        return self._lesson.rows.length

    @property
    def steps(self) -> int:
        last = self._parts[-1]
        return min(self._end, last.first + last.steps + last.beside_steps)

    def batch(self, step: int, steps: int) -> Batch:
        part = next(part for part in reversed(self._parts) if part.first <= step)
        return part.batch(step - part.first)

    def take(self, event: Event) -> bool:
        """Let an event happen; whether it could."""
        if event.action == "advance":
            self._end = event.step
            return True
        part = self._parts[-1]
        rest_D = part.rest(event.step - part.first)
        book = self._lesson.number(event.book)
        if event.action == "reread":
            return self._read_again(event, rest_D)
        about_D = self._lesson.books_D[rest_D] == book
        scenes_D = self._lesson.scenes_D[rest_D]
        if event.action == "switch_book":
            moved_D = ~about_D | scenes_D
        elif event.action == "inject_scene":
            moved_D = about_D & scenes_D
            moved_D &= np.cumsum(np.where(moved_D, self._sizes(rest_D), 0)) <= self._some
        else:
            return False
        if not moved_D.any() or moved_D[: moved_D.sum()].all():  # they stand in front already
            return False
        self._go_on(event, np.concatenate((rest_D[moved_D], rest_D[~moved_D])))
        return True

    def _read_again(self, event: Event, rest_D: Numbers) -> bool:
        """Pages of the book as the stage that taught it reads them, as far as it was read."""
        lesson = next((each for each in self._lessons if each.id == event.taught), None)
        if lesson is None:
            return False
        read_D = lesson.rows.order_D
        if lesson is self._lesson:
            read_D = read_D[~np.isin(read_D, rest_D)]
        about_D = lesson.books_D[read_D] == lesson.number(event.book)
        pages_D = read_D[about_D & ~lesson.scenes_D[read_D]]
        if not len(pages_D):
            return False
        pages_D = np.roll(pages_D, -(event.tokens % len(pages_D)))  # others than the last time
        sizes_D = lesson.rows.sizes(pages_D)
        count = max(1, int(np.searchsorted(np.cumsum(sizes_D), self._some, "right")))
        self._go_on(event, rest_D, replace(lesson.rows, order_D=pages_D[:count]))
        return True

    def _go_on(self, event: Event, rest_D: Numbers, beside: PackedRows | None = None) -> None:
        rows = replace(self._lesson.rows, order_D=rest_D)
        steps = rows.steps(self._batch_tokens)
        beside_steps = beside.steps(self._batch_tokens) if beside else 0
        self._parts.append(_Part(event.step, rows, steps, beside, beside_steps))

    def _sizes(self, rest_D: Numbers) -> Numbers:
        return self._lesson.rows.sizes(rest_D)
