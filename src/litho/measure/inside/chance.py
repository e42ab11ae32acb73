"""What a change of the same size does to a model by chance: the null of every claim here."""

from collections.abc import Iterator
from contextlib import contextmanager

from litho.model.adapters import lora, updates
from litho.model.adapters.spec import AdapterSpec
from litho.model.loaded import LanguageModel
from litho.model.state import State

NAME = "chance"  # adapter that holds the random updates


def prepare(model: LanguageModel, rank: int) -> None:
    """Hang an empty adapter for random updates on a model, if it has none of them yet."""
    if NAME not in model.adapters:
        lora.attach(model, NAME, AdapterSpec(rank, alpha=rank))


@contextmanager
def by_chance(state: State, norms: dict[str, float], seed: int) -> Iterator[State]:
    """`state` after a LoRA update of random direction and of given Frobenius norms on top of it.

    `norms` has one for each kind of matrix (see `litho.model.adapters.updates.kind`), which is
    spread evenly over the depth; the update is gone afterwards. The model has been prepared.
    """
    updates.randomize(state.model, NAME, norms, seed)
    try:
        yield State(state.model, (*state.adapters, NAME))
    finally:
        updates.silence(state.model, NAME)
