"""What an evolution found; no torch."""

from litho.core.records import Record
from litho.core.stats import Estimate
from litho.jobs.evolve.fitness import OBJECTIVES as OBJECTIVES  # for those who show results
from litho.jobs.evolve.fitness import Fitness

Scores = dict[str, Estimate]  # by objective, over seeds


class Bred(Record):
    """A genome of a search."""

    id: str
    search: str  # evolution, random
    generation: int
    parents: tuple[str, ...]
    operators: tuple[str, ...]
    changes: tuple[str, ...]
    seeds: int  # with which it was tried
    fitness: Fitness
    order_entropy: float  # bits
    scene_share: float
    front: bool  # nothing that was tried as often dominates it


class Fresh(Record):
    """A genome on fresh seeds and worlds, beside what the search had said of it."""

    id: str
    role: str  # best, canonical, shuffled, random
    search: Scores | None  # none: it was in no search
    fresh: Scores


class OperatorGain(Record):
    """Children that an operator made: how much better than their first parent, same seeds."""

    operator: str
    children: int
    bridging: Estimate


class EvolveResult(Record):
    """What `metrics.json` and `--json` of `litho evolve` hold.

    `reused`: share of the tokens of all runs that was not trained again.
    """

    run: str
    best: Fresh
    genome: str  # file of the best one
    baselines: dict[str, Fresh]
    finalists: tuple[Fresh, ...]
    difference: dict[str, Scores]  # best less each baseline, on the same seeds and worlds
    runs: int
    reused: float
    family: tuple[Bred, ...]
    operators: tuple[OperatorGain, ...]
    said: str  # in a sentence
    seconds: float
    notices: tuple[str, ...] = ()
