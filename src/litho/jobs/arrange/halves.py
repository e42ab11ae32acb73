"""Probes are divided once: on one half sequences are searched, the other is kept back; no torch."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from litho.core.errors import LithoError
from litho.jobs.arrange.result import Rise
from litho.text.items import Question
from litho.text.school.chance import chance

FEWEST = 2  # probes of a half
Deltas = Sequence[float]  # rise of each probe by one training, nats per target token


@dataclass(frozen=True)
class Halves:
    """Places of the probes of each half, in the order of the file."""

    searched: tuple[int, ...]
    kept: tuple[int, ...]

    @classmethod
    def of(cls, questions: Sequence[Question], seed: int) -> "Halves":
        """By chance; the kept half has one more if they are odd. Each group is divided so.

        Raises LithoError if there are too few.
        """
        if len(questions) < 2 * FEWEST:
            raise LithoError(
                f"{len(questions)} probes cannot be divided into a half to search on and one that "
                f"is kept back, {FEWEST} each: give {2 * FEWEST} or more in probes"
            )
        groups: dict[str | None, list[int]] = {}
        for place, question in enumerate(questions):
            groups.setdefault(question.group, []).append(place)
        draw = chance(seed, "halves")
        dealt = [place for own in groups.values() for place in draw.sample(own, len(own))]
        return cls(tuple(sorted(dealt[1::2])), tuple(sorted(dealt[::2])))


def rise(deltas: Deltas, places: Sequence[int]) -> Rise:
    """What a training did to the probes of a half."""
    there = [deltas[place] for place in places]
    return Rise(mean=fmean(there), worst=min(there))
