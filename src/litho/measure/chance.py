"""What a change of the same size does to a model by chance: the null of every claim here."""

from collections.abc import Iterator
from contextlib import contextmanager

from litho.measure.states import State
from litho.model import adapters
from litho.model.loading import LanguageModel

NAME = "chance"  # adapter that holds the random updates


def prepare(model: LanguageModel, rank: int) -> None:
    """Hang an empty adapter for random updates on a model that has none yet."""
    adapters.attach(model, NAME, rank, rank, seed=0)


@contextmanager
def by_chance(model: LanguageModel, norms: dict[str, float], seed: int) -> Iterator[State]:
    """The model after a LoRA update of random direction and of given Frobenius norms.

    `norms` has one for each kind of matrix (see `litho.model.adapters.kind`), which is spread
    evenly over the depth; the update is gone afterwards.
    """
    adapters.randomize(model, NAME, norms, seed)
    try:
        yield State(model, NAME)
    finally:
        adapters.silence(model, NAME)
