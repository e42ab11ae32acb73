"""What a change of the same size does to a model by chance: the null of every claim here."""

from collections.abc import Iterator
from contextlib import contextmanager

from litho.measure.difference import State
from litho.model import adapters
from litho.model.loading import LanguageModel

NAME = "chance"  # adapter that holds the random updates
RANK = 8


def prepare(model: LanguageModel) -> None:
    """Hang an empty adapter for random updates on a model that has none yet."""
    adapters.attach(model, NAME, RANK, RANK, seed=0)


@contextmanager
def by_chance(model: LanguageModel, norm: float, seed: int) -> Iterator[State]:
    """The model after a LoRA update of random direction and of Frobenius norm `norm`.

    The norm is spread evenly over the linear layers of all blocks; the update is gone afterwards.
    """
    adapters.randomize(model, NAME, norm, seed)
    try:
        yield State(model, NAME)
    finally:
        adapters.silence(model, NAME)
