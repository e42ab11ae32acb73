"""Two genomes make a third: at the border of two stages, or in the order inside a stage."""

from collections import Counter
from collections.abc import Sequence
from random import Random
from typing import TypeVar

from litho.text.school.genome import CrossRef, Genome, Scene, Stage

Named = TypeVar("Named", bound=Scene | CrossRef)


def at_border(one: Genome, other: Genome, chance: Random) -> Genome | None:
    """The first stages of `one`, the last of `other`; None if the two have no border in common.

    What the first stages read stays as it was byte for byte, so that a model that was trained on
    them is used again: scenes and references of `one` come before those of `other`.
    """
    borders = range(1, min(len(one.stages), len(other.stages)))
    fitting = [
        at
        for at in borders
        if not {stage.id for stage in one.stages[:at]} & {stage.id for stage in other.stages[at:]}
    ]
    if not fitting:
        return None
    at = chance.choices(fitting, fitting)[0]
    first = one.stages[:at]
    left = 1 - one.budget.tail - sum(stage.share for stage in first)
    return one.model_copy(
        update={
            "stages": (*first, *_scaled(other.stages[at:], left)),
            "scenes": _joined(one.scenes, other.scenes),
            "crossrefs": _joined(one.crossrefs, other.crossrefs),
        }
    )


def order(one: Genome, other: Genome, chance: Random) -> Genome | None:
    """A stage of `one` takes over the order in which `other` reads a stretch of the same things.

    Order crossover (Davis 1985): the stretch keeps its places, the rest follows in the order of
    `other`. None if no stage of both reads the same things in another order.
    """
    theirs = {stage.id: stage for stage in other.stages}
    fitting = [
        at
        for at, stage in enumerate(one.stages)
        if stage.id in theirs
        and stage.books != theirs[stage.id].books
        and Counter(stage.books) == Counter(theirs[stage.id].books)
    ]
    if not fitting:
        return None
    at = chance.choice(fitting)
    stages = list(one.stages)
    books = order_crossover(stages[at].books, theirs[stages[at].id].books, chance)
    stages[at] = stages[at].model_copy(update={"books": tuple(books)})
    return one.model_copy(update={"stages": tuple(stages)})


def order_crossover(one: Sequence[str], other: Sequence[str], chance: Random) -> list[str]:
    """A stretch of `one` in its places, and what is left in the order of `other`."""
    start, end = sorted(chance.sample(range(len(one) + 1), 2))
    left = Counter(one[:start]) + Counter(one[end:])
    rest = []
    for name in other:
        if left[name]:
            left[name] -= 1
            rest.append(name)
    return [*rest[:start], *one[start:end], *rest[start:]]


def _scaled(stages: Sequence[Stage], whole: float) -> list[Stage]:
    """The same proportions, with shares that make `whole`."""
    had = sum(stage.share for stage in stages)
    shares = [round(stage.share * whole / had, 6) for stage in stages]
    shares[-1] = round(whole - sum(shares[:-1]), 6)
    pairs = zip(stages, shares, strict=True)
    return [stage.model_copy(update={"share": share}) for stage, share in pairs]


def _joined(first: Sequence[Named], second: Sequence[Named]) -> tuple[Named, ...]:
    taken = {each.id for each in first}
    return (*first, *(each for each in second if each.id not in taken))
