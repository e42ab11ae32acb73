"""What trials say of a search: finalists on fresh seeds, the family, what operators gained."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from litho.core.records import Record
from litho.core.stats import Estimate, mean
from litho.jobs.evolve.archive import order_entropy, scene_share
from litho.jobs.evolve.fitness import OBJECTIVES, Fitness, dominates, ranked
from litho.jobs.evolve.fitness import mean as mean_fitness
from litho.jobs.evolve.race import gains
from litho.jobs.evolve.result import Bred, Fresh, OperatorGain, Scores
from litho.jobs.evolve.search import Individual
from litho.text.school.genome import Genome

BEST, CANONICAL, SHUFFLED, RANDOM = "evolution", "canonical", "shuffled", "random"


@dataclass(frozen=True)
class Entrant:
    """A genome that is tried on fresh seeds, and what the search knew of it."""

    role: str
    genome: Genome
    told: Mapping[int, Fitness]


class Summary(Record):
    """The part of a result that is computed from trials alone."""

    best: Fresh
    baselines: dict[str, Fresh]
    finalists: tuple[Fresh, ...]
    difference: dict[str, Scores]
    family: tuple[Bred, ...]
    operators: tuple[OperatorGain, ...]
    said: str


def summary(
    known: Mapping[str, Sequence[Individual]], tried: Sequence[tuple[Entrant, Sequence[Fitness]]]
) -> Summary:
    """`tried`: entrants with their fitness on fresh seeds, the same seeds for all."""
    finalists = [(e, found) for e, found in tried if e.role == BEST]
    others = {e.role: (e, found) for e, found in tried if e.role != BEST}
    first = ranked([mean_fitness(found) for _, found in finalists])[0]
    winner, won = finalists[first]
    difference = {role: less(won, found) for role, (_, found) in others.items()}
    return Summary(
        best=_fresh(winner, won),
        baselines={role: _fresh(*each) for role, each in others.items()},
        finalists=tuple(_fresh(*each) for each in finalists),
        difference=difference,
        family=tuple(_family(known)),
        operators=tuple(
            OperatorGain(operator=name, children=gain.n, bridging=gain)
            for name, gain in gains(known[BEST], lambda told: told.bridging).items()
        ),
        said=_said(winner, others[CANONICAL][0].genome, difference[CANONICAL]),
    )


def scores(found: Sequence[Fitness]) -> Scores:
    return {name: mean([getattr(each, name) for each in found]) for name in OBJECTIVES}


def less(one: Sequence[Fitness], other: Sequence[Fitness]) -> Scores:
    """Differences on the same seeds."""
    pairs = list(zip(one, other, strict=True))
    return {
        name: mean([getattr(a, name) - getattr(b, name) for a, b in pairs]) for name in OBJECTIVES
    }


def _fresh(entrant: Entrant, found: Sequence[Fitness]) -> Fresh:
    return Fresh(
        id=entrant.genome.id,
        role=entrant.role,
        search=scores(list(entrant.told.values())) if entrant.told else None,
        fresh=scores(found),
    )


def _family(known: Mapping[str, Sequence[Individual]]) -> list[Bred]:
    every = [(search, each) for search, some in known.items() for each in some]
    return [
        Bred(
            id=each.child.genome.id,
            search=search,
            generation=each.generation,
            parents=each.child.parents,
            operators=each.child.operators,
            changes=each.child.changes,
            seeds=len(each.told),
            fitness=each.fitness,
            order_entropy=order_entropy(each.child.genome),
            scene_share=scene_share(each.child.genome),
            front=not any(
                dominates(other.fitness, each.fitness)
                for _, other in every
                if len(other.told) == len(each.told)
            ),
        )
        for search, each in every
    ]


def _said(winner: Entrant, given: Genome, difference: Scores) -> str:
    if winner.genome == given:
        return "No genome came out better than the one that was given."
    found: Estimate = difference["bridging"]
    if found.value is None or found.ci is None:
        return "Too few fresh seeds to say anything."
    low, high = found.ci
    how = f"{found.value:+.2f} ({low:+.2f} to {high:+.2f})"
    if low > 0:
        shown = "it connects more"
    else:
        shown = "it connects less" if high < 0 else "no difference is shown"
    return (
        f"On {found.n} fresh seeds and worlds {winner.genome.id} differs from the genome that was "
        f"given by {how} in bridging: {shown}."
    )
