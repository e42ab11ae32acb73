"""The best genome of each kind, so that a search goes on from different ones; no torch.

As in MAP-Elites (Mouret and Clune 2015, arXiv 1504.04909), a kind is a cell of a grid over two
traits: how varied the order is, and how much is played in scenes.
"""

import math
from collections import Counter
from collections.abc import Iterable
from itertools import pairwise

from litho.text.school.genome import Genome, read_of

Cell = tuple[int, int]
BITS, SCENES = 0.5, 0.05  # width of a cell


def order_entropy(genome: Genome) -> float:
    """Bits that the next book costs when the last one is known, over all readings in their order.

    H(next | last) = - sum of P(last, next) log2 P(next | last), from the counts of one pass of each
    stage. Books read one after the other, each whole, have few; books by turns have many.
    """
    books = [read_of(written).book for stage in genome.stages for written in stage.books]
    pairs = Counter(pairwise(books))
    firsts = Counter(books[:-1])
    whole = sum(pairs.values())
    return -sum(n / whole * math.log2(n / firsts[a]) for (a, _), n in pairs.items())


def scene_share(genome: Genome) -> float:
    """Share of all tokens that are played in scenes."""
    return sum(
        stage.share * sum(genome.scene(name).rate for name in names)
        for stage in genome.stages
        for names in [stage.played]
    )


def cell_of(genome: Genome) -> Cell:
    return math.floor(order_entropy(genome) / BITS), math.floor(scene_share(genome) / SCENES)


def elites(best_first: Iterable[Genome]) -> list[Genome]:
    """The first of each cell, in their order."""
    found: dict[Cell, Genome] = {}
    for genome in best_first:
        found.setdefault(cell_of(genome), genome)
    return list(found.values())
