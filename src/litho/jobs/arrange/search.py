"""Searches among sequences of documents; no torch."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from random import Random
from statistics import fmean

from litho.jobs.arrange.config import ArrangePlan
from litho.jobs.arrange.result import Rise
from litho.jobs.arrange.variation import Genome, as_given, by_chance, child_of
from litho.jobs.evolve import race
from litho.jobs.evolve.race import KEPT, Race
from litho.text.school.chance import chance

GIVEN, ALL = "given", "all"  # operators: as the documents are given, and one of all sequences
TRIES = 50  # draws for each child that is wanted, until no new one is looked for
FEWEST_PARENTS = 2

Forecast = Callable[[Genome], float]  # predicted mean rise


@dataclass(frozen=True)
class Child:
    """A sequence, and where it comes from."""

    id: str
    genome: Genome
    parents: tuple[str, ...] = ()
    operators: tuple[str, ...] = ()


@dataclass(frozen=True)
class Trial:
    """A sequence that is to be tried with a seed."""

    genome: Genome
    seed: int


@dataclass
class Individual(race.Individual[Child, Rise]):
    """A sequence of a search, with what is known of it."""

    @property
    def rise(self) -> Rise:
        """Mean over the seeds."""
        told = self.told.values()
        return Rise(mean=fmean(r.mean for r in told), worst=fmean(r.worst for r in told))


Search = Race[Trial, Rise, Individual]
Drawn = tuple[Genome, tuple[str, ...], tuple[str, ...]]  # with parents and operators


def evolution(
    plan: ArrangePlan, documents: Sequence[str], forecast: Forecast, all_of_them: bool
) -> Search:
    """Children of the best; the documents as they are given are the first.

    Of many children those are tried that are predicted to be best. `all_of_them`: instead of
    children, all sequences that were not tried before.
    """
    known: list[Individual] = []
    for generation in range(plan.generations):
        born = [] if known else [Child(GIVEN, as_given(documents, plan.steps), (), (GIVEN,))]
        seen = {each.child.genome for each in known} | {each.genome for each in born}
        wanted = plan.size - len(born)
        if all_of_them:
            every = product(documents, repeat=plan.steps)
            drawn: list[Drawn] = [(each, (), (ALL,)) for each in every if each not in seen]
        else:
            draw = chance(plan.seed, "evolution", generation)
            parents = [each.child for each in _parents(known)] if known else born
            drawn = _new(_children(parents, documents, draw), plan.pool * wanted, seen)
        drawn.sort(key=lambda each: -forecast(each[0]))  # the first of equals stays first
        born += [
            Child(f"g{generation}-{number}", *each)
            for number, each in enumerate(drawn[:wanted], len(born))
        ]
        if not born:
            break
        yield from _raced(born, generation, plan, known)
    return known


def random_search(plan: ArrangePlan, documents: Sequence[str]) -> Search:
    """Sequences by chance, raced alike; none learns from another, and nothing is predicted."""
    known: list[Individual] = []
    for generation in range(plan.generations):
        draw = chance(plan.seed, "random", generation)
        seen = {each.child.genome for each in known}
        drawn = _new(_by_chance(documents, plan.steps, draw), plan.size, seen)
        born = [Child(f"r{generation}-{number}", *each) for number, each in enumerate(drawn)]
        if not born:
            break
        yield from _raced(born, generation, plan, known)
    return known


def best(known: Sequence[Individual], count: int) -> list[Individual]:
    """Those that reached the highest rung first; of these the one with the highest mean rise."""
    return race.best(known, count, _ranked)


def _raced(
    born: Sequence[Child], generation: int, plan: ArrangePlan, known: list[Individual]
) -> Search:
    """Race a generation and add it to what is known."""
    individuals = [Individual(child, generation) for child in born]
    yield from race.raced(individuals, plan.rungs, _ranked, _trial)
    known += individuals
    return known


def _ranked(some: Sequence[Individual]) -> list[int]:
    return sorted(range(len(some)), key=lambda i: -some[i].rise.mean)


def _trial(each: Individual, seed: int) -> Trial:
    return Trial(each.child.genome, seed)


def _parents(known: Sequence[Individual]) -> list[Individual]:
    """The best third of all, and at least two."""
    return best(known, max(FEWEST_PARENTS, len(known) // KEPT))


def _children(parents: Sequence[Child], documents: Sequence[str], draw: Random) -> Iterator[Drawn]:
    while True:
        chosen = draw.sample(parents, min(2, len(parents)))
        genome, operators = child_of([each.genome for each in chosen], documents, draw)
        used = chosen[: 2 if operators[0] == "order" else 1]
        yield genome, tuple(each.id for each in used), operators


def _by_chance(documents: Sequence[str], steps: int, draw: Random) -> Iterator[Drawn]:
    while True:
        yield by_chance(documents, steps, draw), (), ("chance",)


def _new(drawn: Iterator[Drawn], wanted: int, seen: set[Genome]) -> list[Drawn]:
    """So many that were not seen, and no two the same; fewer if no more are found."""
    found: dict[Genome, Drawn] = {}
    for _ in range(TRIES * wanted):
        if len(found) == wanted:
            break
        each = next(drawn)
        if each[0] not in seen:
            found.setdefault(each[0], each)
    return list(found.values())
