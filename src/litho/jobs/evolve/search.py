"""Searches among genomes: each asks for trials and is told how they went; no torch.

A search is a generator that yields trials and is sent their fitness, in the same order. What it
asks for depends on its seed and on what it was told, and on nothing else, so that several processes
that share the results ask for the same.
"""

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from random import Random

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


@dataclass
class Individual:
    """A genome of a search, with what is known of it."""

    child: Child
    generation: int
    told: dict[int, Fitness] = field(default_factory=dict)  # by seed

    @property
    def fitness(self) -> Fitness:
        return mean(list(self.told.values()))


Search = Generator[list[Trial], list[Fitness], list[Individual]]
Breed = Callable[[int, int, list[Individual]], Child]


def together(
    searches: Mapping[str, Search], tell: Callable[[list[Trial]], list[Fitness]]
) -> dict[str, list[Individual]]:
    """Run searches side by side: what they ask for at the same time is told at once."""
    asked = {name: next(search) for name, search in searches.items()}
    ended: dict[str, list[Individual]] = {}
    while asked:
        told = iter(tell([trial for trials in asked.values() for trial in trials]))
        for name, trials in [*asked.items()]:
            try:
                asked[name] = searches[name].send(list(islice(told, len(trials))))
            except StopIteration as stop:
                ended[name] = stop.value
                del asked[name]
    return ended


def evolution(genome: Genome, config: EvolveConfig, folder: Path) -> Search:
    """Children of the best genome of each kind; the genome that was given is the first."""

    def breed(generation: int, number: int, known: list[Individual]) -> Child:
        if not known:
            return Child(genome, (), (CANONICAL,), ())
        draw = chance(config.seed, "evolution", generation, number)
        return child_of(_parents(known, draw), f"g{generation}-{number}", draw, folder)

    return (yield from _searched(config, breed))


def random_search(genome: Genome, config: EvolveConfig, folder: Path) -> Search:
    """Shuffled and mutated genomes, raced alike; none learns from another."""

    def breed(generation: int, number: int, known: list[Individual]) -> Child:
        name = f"r{generation}-{number}"
        draw = chance(config.seed, "random", generation, number)
        wild = shuffled(genome, name, draw, folder)
        operators = ["shuffled"]
        for _ in range(WILD):
            child = child_of([wild], name, draw, folder)
            wild = child.genome
            operators += child.operators
        return Child(wild, (genome.id,), tuple(operators), ())

    return (yield from _searched(config, breed))


def _searched(config: EvolveConfig, breed: Breed) -> Search:
    known: list[Individual] = []
    for generation in range(config.generations):
        born: list[Individual] = []
        for number in range(config.size):
            # In the first generation all are children of its first.
            child = breed(generation, number, known or born[:1])
            born.append(Individual(child, generation))
        yield from _raced(born, config)
        known += born
    return known


def _raced(born: list[Individual], config: EvolveConfig) -> Search:
    """Everyone is tried with the first seeds, the best of them with more."""
    running, done = born, 0
    for count, seeds in zip(config.on_rungs, config.rungs, strict=True):
        if done:
            running = best(running, count)
        asked = [(each, seed) for each in running for seed in range(done, seeds)]
        told = yield [Trial(each.child.genome, seed) for each, seed in asked]
        for (each, seed), fitness in zip(asked, told, strict=True):
            each.told[seed] = fitness
        done = seeds
    return born


def best(known: Sequence[Individual], count: int) -> list[Individual]:
    """Those that reached the highest rung first; of these the fittest."""
    rungs = sorted({len(each.told) for each in known}, reverse=True)
    found: list[Individual] = []
    for rung in rungs:
        there = [each for each in known if len(each.told) == rung]
        found += [there[i] for i in ranked([each.fitness for each in there])]
    return found[:count]


def _parents(known: list[Individual], draw: Random) -> list[Genome]:
    """One or two of the best of each kind; before anything was tried, the first."""
    if not known[0].told:
        return [known[0].child.genome]
    kinds = elites(each.child.genome for each in best(known, len(known)))
    return draw.sample(kinds, min(2, len(kinds)))
