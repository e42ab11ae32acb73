"""Searches among genomes: each asks for trials and is told how they went; no torch."""

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

from litho.jobs.evolve import race
from litho.jobs.evolve.archive import elites
from litho.jobs.evolve.config import EvolveConfig
from litho.jobs.evolve.fitness import Fitness, mean, ranked
from litho.text.school.chance import chance
from litho.text.school.genome import Genome
from litho.text.school.variation.children import Child, child_of, shuffled

CANONICAL = "given"  # operator of the genome that was given
WILD = 3  # mutations of a genome by chance, behind the shuffling


@dataclass(frozen=True)
class Trial:
    """A genome that is to be tried with a seed."""

    genome: Genome
    seed: int


class Individual(race.Individual[Child, Fitness]):
    """A genome of a search, with what is known of it."""

    @property
    def fitness(self) -> Fitness:
        return mean(list(self.told.values()))


Search = Generator[list[Trial], list[Fitness], list[Individual]]
Breed = Callable[[int, int, list[Individual]], Child]


def evolution(genome: Genome, config: EvolveConfig, folder: Path) -> Search:
    """Children of the best genome of each kind; the genome that was given is the first."""

    def breed(generation: int, number: int, known: list[Individual]) -> Child:
        if not known:
            return Child(genome, (), (CANONICAL,), ())
        draw = chance(config.seed, "evolution", generation, number)
        name = _name(genome, f"g{generation}-{number}")
        return child_of(_parents(known, draw), name, draw, folder)

    return (yield from _searched(config, breed))


def random_search(genome: Genome, config: EvolveConfig, folder: Path) -> Search:
    """Shuffled and mutated genomes, raced alike; none learns from another."""

    def breed(generation: int, number: int, known: list[Individual]) -> Child:
        name = _name(genome, f"r{generation}-{number}")
        draw = chance(config.seed, "random", generation, number)
        wild = shuffled(genome, name, draw, folder)
        operators = ["shuffled"]
        for _ in range(WILD):
            child = child_of([wild], name, draw, folder)
            wild = child.genome
            operators += child.operators
        return Child(wild, (genome.id,), tuple(operators), ())

    return (yield from _searched(config, breed))


def _name(given: Genome, name: str) -> str:
    """Of a child: never that of the given genome, which may come from an evolution itself."""
    return f"{name}-again" if name == given.id else name


def _searched(config: EvolveConfig, breed: Breed) -> Search:
    known: list[Individual] = []
    for generation in range(config.generations):
        born: list[Individual] = []
        for number in range(config.size):
            # In the first generation all are children of its first.
            child = breed(generation, number, known or born[:1])
            born.append(Individual(child, generation))
        yield from race.raced(born, config.rungs, _ranked, _trial)
        known += born
    return known


def best(known: Sequence[Individual], count: int) -> list[Individual]:
    """Those that reached the highest rung first; of these the fittest."""
    return race.best(known, count, _ranked)


def _ranked(some: Sequence[Individual]) -> list[int]:
    return ranked([each.fitness for each in some])


def _trial(each: Individual, seed: int) -> Trial:
    return Trial(each.child.genome, seed)


def _parents(known: list[Individual], draw: Random) -> list[Genome]:
    """One or two of the best of each kind; before anything was tried, the first."""
    if not known[0].told:
        return [known[0].child.genome]
    kinds = elites(each.child.genome for each in best(known, len(known)))
    return draw.sample(kinds, min(2, len(kinds)))
