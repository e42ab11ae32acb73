"""How many bits a text of a world takes at least, for whoever knows the world and its wordings."""

import random
from collections.abc import MutableSequence, Sequence
from math import factorial, log2, perm
from typing import Any

from litho.text.school.chance import chance


class Counted(random.Random):
    """Draws what `chance` draws at the same place, and counts the bits that this takes.

    The bits say which of all texts was written, and therefore are an upper bound of what it takes
    to predict it: several draws may write the same. A number from 0 to 1 decides something, which
    takes a bit at most on average.
    """

    def __init__(self, *place: str | int) -> None:
        super().__init__()
        self.setstate(chance(*place).getstate())
        self.bits = 0.0

    def getrandbits(self, k: int, /) -> int:
        """As it is; else the other methods would draw by `random`, and something else."""
        return super().getrandbits(k)

    def random(self) -> float:
        self.bits += 1
        return super().random()

    def randrange(self, start: int, stop: int | None = None, step: int = 1) -> int:
        some = range(start) if stop is None else range(start, stop, step)
        self.bits += log2(len(some))
        return super().randrange(some.start, some.stop, some.step)

    def choice(self, seq: Any) -> Any:  # noqa: ANN401  a sequence of anything
        self.bits += log2(len(seq))
        return super().choice(seq)

    def choices(self, population: Any, weights: Any = None, **how: Any) -> Any:  # noqa: ANN401
        before = self.bits
        drawn = super().choices(population, weights, **how)
        shares = dict(zip(population, weights or [1] * len(population), strict=True))
        whole = sum(shares.values())
        self.bits = before + sum(log2(whole / shares[each]) for each in drawn)
        return drawn

    def sample(self, population: Sequence[Any], k: int, **how: Any) -> list[Any]:  # noqa: ANN401
        self.bits += log2(perm(len(population), k))
        return super().sample(population, k, **how)

    def shuffle(self, x: MutableSequence[Any]) -> None:
        self.bits += log2(factorial(len(x)))
        super().shuffle(x)
