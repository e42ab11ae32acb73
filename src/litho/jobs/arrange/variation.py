"""Sequences of documents are varied and crossed; no torch.

A genome is the document of each step, so that order and amount are both in it.
"""

from collections.abc import Callable, Sequence
from random import Random

from litho.text.school.variation.crossover import order_crossover

Genome = tuple[str, ...]  # ids of documents, one a step
Mutation = Callable[[list[str], Sequence[str], Random], None]

MUTATIONS_DRAWN = (1, 2, 4, 8)  # of a child: how many, each as likely
CROSSED = 0.5  # share of the children of two parents


def as_given(documents: Sequence[str], steps: int) -> Genome:
    """In the order of the file, again and again until the steps are full."""
    return tuple(documents[step % len(documents)] for step in range(steps))


def shuffled(genome: Genome, draw: Random) -> Genome:
    """The same amounts in another order."""
    return tuple(draw.sample(genome, len(genome)))


def by_chance(documents: Sequence[str], steps: int, draw: Random) -> Genome:
    """Any sequence is as likely as any other."""
    return tuple(draw.choices(documents, k=steps))


def child_of(
    parents: Sequence[Genome], documents: Sequence[str], draw: Random
) -> tuple[Genome, tuple[str, ...]]:
    """A child of one or two parents, and the operators that made it.

    Two parents are crossed in half of the cases. Then one, two, four or eight mutations follow. It
    may be the same as a parent.
    """
    genome, operators = list(parents[0]), list[str]()
    if len(parents) > 1 and draw.random() < CROSSED:
        genome = crossed(parents[0], parents[1], draw)
        operators.append("order")
    for _ in range(draw.choice(MUTATIONS_DRAWN)):
        name = draw.choice(sorted(MUTATIONS))
        MUTATIONS[name](genome, documents, draw)
        operators.append(name)
    return tuple(genome), tuple(operators)


def crossed(one: Genome, other: Genome, draw: Random) -> list[str]:
    """A stretch of `one` stays, the rest of its readings follow in the order of `other`.

    Order crossover (Davis 1985). Amounts are those of `one`: what `other` reads less often comes
    last, in the order of `one`.
    """
    return order_crossover(one, (*other, *one), draw)


def swap(genome: list[str], documents: Sequence[str], draw: Random) -> None:
    """Two readings change places."""
    one, other = draw.sample(range(len(genome)), 2)
    genome[one], genome[other] = genome[other], genome[one]


def move(genome: list[str], documents: Sequence[str], draw: Random) -> None:
    """A reading goes to another place."""
    start, end = draw.sample(range(len(genome)), 2)
    genome.insert(end, genome.pop(start))


def amount(genome: list[str], documents: Sequence[str], draw: Random) -> None:
    """A document is read once less and another once more; none has to be kept."""
    place = draw.randrange(len(genome))
    genome[place] = draw.choice([each for each in documents if each != genome[place]])


MUTATIONS: dict[str, Mutation] = {"swap": swap, "move": move, "amount": amount}
