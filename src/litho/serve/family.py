"""The family of an evolution as places on a page: a genome is a dot, its parents are lines."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from litho.core.errors import LithoError
from litho.jobs.evolve.result import Bred, EvolveResult
from litho.serve.run_files import metrics_of

COLUMN, ROW, MARGIN, LEAST, GROWTH = 150, 34, 40, 5, 1.5
MOST = 400  # genomes that are drawn


@dataclass(frozen=True)
class Dot:
    """A genome, its place, and those of its parents."""

    bred: Bred
    x: int
    y: int
    size: float
    parents: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Family:
    """The picture, the best genome in the first row of each generation."""

    dots: list[Dot]
    width: int
    height: int
    left: int  # genomes that are not drawn


def evolution_at(run: Path) -> EvolveResult:
    """What an evolution found. Raises LithoError if the run is none, or is damaged."""
    try:
        return EvolveResult(**metrics_of(run))
    except (TypeError, ValueError):
        raise LithoError(f"{run.name} is no finished run of 'litho evolve'") from None


def family_of(bred: Sequence[Bred]) -> Family:
    """Columns are generations, random search stands beside the last of them."""
    drawn = list(bred[:MOST])
    last = max((each.generation for each in drawn if each.search == "evolution"), default=0)
    places: dict[str, tuple[int, int]] = {}
    columns: dict[int, list[Bred]] = {}
    for each in drawn:
        by_chance = each.search != "evolution"
        columns.setdefault(last + 1 if by_chance else each.generation, []).append(each)
    for number, column in enumerate(sorted(columns)):
        ranked = sorted(columns[column], key=lambda each: -each.fitness.bridging)
        for row, each in enumerate(ranked):
            places[each.id] = (MARGIN + COLUMN * number, MARGIN + ROW * row)
    dots = [
        Dot(
            each,
            *places[each.id],
            LEAST + GROWTH * min(each.seeds, 9),
            tuple(places[parent] for parent in each.parents if parent in places),
        )
        for each in drawn
    ]
    tallest = max(map(len, columns.values()), default=1)
    return Family(
        dots,
        2 * MARGIN + COLUMN * len(columns),
        2 * MARGIN + ROW * (tallest - 1),
        len(bred) - len(drawn),
    )
