"""Probes are divided once: on one half sequences are searched, the other is kept back; no torch."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from litho.core.errors import LithoError
from litho.jobs.arrange.result import Rise
from litho.text.school.chance import chance

FEWEST = 2  # probes of a half
Deltas = Sequence[float]  # rise of each probe by one training, nats per target token


@dataclass(frozen=True)
class Halves:
    """Places of the probes of each half, in the order of the file."""

    searched: tuple[int, ...]
    kept: tuple[int, ...]

    @classmethod
    def of(cls, count: int, seed: int) -> "Halves":
        """Of so many probes; the kept half has one more if they are odd.

        Raises LithoError if there are too few.
        """
        if count < 2 * FEWEST:
            raise LithoError(
                f"{count} probes cannot be divided into a half to search on and one that is kept "
                f"back, {FEWEST} each: give {2 * FEWEST} or more in probes"
            )
        places = list(range(count))
        chance(seed, "halves").shuffle(places)
        cut = count // 2
        return cls(tuple(sorted(places[:cut])), tuple(sorted(places[cut:])))


def rise(deltas: Deltas, places: Sequence[int]) -> Rise:
    """What a training did to the probes of a half."""
    there = [deltas[place] for place in places]
    return Rise(mean=fmean(there), worst=min(there))
