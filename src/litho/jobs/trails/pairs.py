"""Which pairs the capture test reads: the same ones before and after, whatever is trained."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from litho.jobs.trails.config import CaptureConfig
from litho.measure.trails.asked import Asked, apart, asked
from litho.model.loaded import LanguageModel
from litho.text.trails.chains import Apart, Draw, Pair, draw, worked
from litho.text.trails.library import Form, Library

Read = Literal["M", "F", "W", "G", "shots"]
EXAMPLES = 2  # worked, in front of a chain


@dataclass(frozen=True)
class Planned:
    """A pair, the cell that it is of, and how the model reads it."""

    cell: Read  # `shots`: as F or G, behind worked examples
    pair: Pair
    asked: Asked


class PairPlan:
    """Draws pairs of a library for a model, each by its own seed."""

    def __init__(self, library: Library, model: LanguageModel, seed: object) -> None:
        """`seed`: whatever is written otherwise draws other pairs."""
        self.library, self.model, self._seed = library, model, str(seed)
        self.apart: Apart = apart(model)

    def cell(self, form: Form, cell: Read, count: int) -> Iterator[Planned]:
        """So many pairs of a form; none where it has no such wording."""
        wordings = _wordings(form, cell)
        for number in range(count if wordings else 0):
            chance = random.Random(f"{self._seed} {form.form} {cell} {number}")
            wording = wordings[number % len(wordings)]
            pair = self._drawn(form, wording, cell != "M", number, chance)
            before = ""
            if cell == "shots":
                shown = (self._drawn(form, wording, True, 0, chance) for _ in range(EXAMPLES))
                before = "".join(f"{worked(each, i % 2)}\n\n" for i, each in enumerate(shown))
            near = cell == "F" and pair.near is not None
            yield Planned(cell, pair, asked(self.model, pair, before, near))

    def _drawn(
        self, form: Form, wording: int, unseen: bool, near: int, chance: random.Random
    ) -> Pair:
        return draw(self.library, form, Draw(wording, unseen, near), chance, self.apart)

    def whole(self, config: CaptureConfig) -> list[Planned]:
        """All pairs of the capture test."""
        cells = self.cells(config.pairs)
        return cells + self._shots(config.few_shot_pairs)

    def cells(self, count: int) -> list[Planned]:
        """So many pairs of each form in each of its cells."""
        return [
            planned
            for form in self.library.forms
            for cell in _cells(form)
            for planned in self.cell(form, cell, count)
        ]

    def _shots(self, count: int) -> list[Planned]:
        """Of forms that are not trained, if there are any: what is left of the model's own way."""
        forms = self.library.held_out() or self.library.forms
        return [planned for form in forms for planned in self.cell(form, "shots", count)]


def _cells(form: Form) -> tuple[Read, ...]:
    return ("G",) if form.held_out else ("M", "F", "W")


def _wordings(form: Form, cell: Read) -> Sequence[int]:
    """A held-out form is read in all its wordings."""
    if cell == "W":
        return form.numbers(held_out=True)
    return range(len(form.wordings)) if form.held_out else form.numbers(held_out=False)
