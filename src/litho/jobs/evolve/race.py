"""Races over seeds, whatever it is that races; no torch.

A search is a generator that yields trials and is sent how they went, in the same order. What it
asks for depends on its seed and on what it was told, and on nothing else, so that several processes
that share the results ask for the same.
"""

from collections import defaultdict
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Generic, Protocol, TypeVar

from litho.core.stats import Estimate, mean


class Bred(Protocol):
    """What a search has made of others."""

    @property
    def id(self) -> str: ...

    @property
    def parents(self) -> tuple[str, ...]: ...

    @property
    def operators(self) -> tuple[str, ...]:
        """What made it of its parents; behind a space, details."""
        ...


Child = TypeVar("Child", bound=Bred)
Said = TypeVar("Said")
Asked = TypeVar("Asked")

KEPT = 3  # one of so many goes on to the next rung


@dataclass
class Individual(Generic[Child, Said]):
    """What a search has made, with what is known of it."""

    child: Child
    generation: int
    told: dict[int, Said] = field(default_factory=dict)  # by seed


Racer = TypeVar("Racer", bound=Individual[Any, Any])
Ranked = Callable[[Sequence[Racer]], list[int]]  # places from the best to the worst
Race = Generator[list[Asked], list[Said], list[Racer]]


def rising(rungs: tuple[int, ...]) -> tuple[int, ...]:
    """The rungs of a race. Raises ValueError if they do not rise."""
    if not rungs or rungs[0] < 1 or list(rungs) != sorted(set(rungs)):
        raise ValueError("rungs have to rise from 1 or more, such as [1, 3, 9]")
    return rungs


def on_rungs(size: int, rungs: Sequence[int]) -> tuple[int, ...]:
    """How many of a generation reach each rung."""
    counts = [size]
    for _ in rungs[1:]:
        counts.append(max(1, counts[-1] // KEPT))
    return tuple(counts)


def trials_of(size: int, rungs: Sequence[int]) -> int:
    """Trials that the race of a generation takes."""
    counts = on_rungs(size, rungs)
    return sum(
        count * (seeds - before)
        for count, seeds, before in zip(counts, rungs, (0, *rungs), strict=False)
    )


def raced(
    born: list[Racer],
    rungs: Sequence[int],
    ranked: Ranked[Racer],
    trial: Callable[[Racer, int], Asked],
) -> Race[Asked, Any, Racer]:
    """Everyone is tried with the first seeds, the best of them with more."""
    running, done = born, 0
    for count, seeds in zip(on_rungs(len(born), rungs), rungs, strict=True):
        if done:
            running = best(running, count, ranked)
        asked = [(each, seed) for each in running for seed in range(done, seeds)]
        told = yield [trial(each, seed) for each, seed in asked]
        for (each, seed), said in zip(asked, told, strict=True):
            each.told[seed] = said
        done = seeds
    return born


def best(known: Sequence[Racer], count: int, ranked: Ranked[Racer]) -> list[Racer]:
    """Those that reached the highest rung first; of these the fittest."""
    rungs = sorted({len(each.told) for each in known}, reverse=True)
    found: list[Racer] = []
    for rung in rungs:
        there = [each for each in known if len(each.told) == rung]
        found += [there[i] for i in ranked(there)]
    return found[:count]


def together(
    searches: Mapping[str, Race[Asked, Said, Racer]],
    tell: Callable[[list[Asked]], list[Said]],
) -> dict[str, list[Racer]]:
    """Run searches side by side: what they ask for at the same time is told at once."""
    asked = {name: next(search) for name, search in searches.items()}
    ended: dict[str, list[Racer]] = {}
    while asked:
        told = iter(tell([trial for trials in asked.values() for trial in trials]))
        for name, trials in [*asked.items()]:
            try:
                asked[name] = searches[name].send(list(islice(told, len(trials))))
            except StopIteration as stop:
                ended[name] = stop.value
                del asked[name]
    return ended


def gains(known: Sequence[Racer], score: Callable[[Any], float]) -> dict[str, Estimate]:
    """By operator: how much better its children are than their first parents.

    Compared is what was told with the first seed, with which both were tried.
    """
    by_id = {each.child.id: each for each in known}
    found: dict[str, list[float]] = defaultdict(list)
    for each in known:
        if each.child.parents:
            parent = by_id[each.child.parents[0]]
            for operator in each.child.operators:
                gain = score(each.told[0]) - score(parent.told[0])
                found[operator.partition(" ")[0]].append(gain)
    return {name: mean(some) for name, some in sorted(found.items())}
