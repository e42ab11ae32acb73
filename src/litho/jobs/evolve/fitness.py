"""How good a genome is: what models say that were raised by it, in several respects; no torch."""

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

from litho.core.records import Record

HIDDEN = "two_hop_L3"


class Fitness(Record):
    """What an exam says of one model, or of several in the mean. More is better in everything."""

    bridging: float  # right over hidden facts, beyond the best shortcut; silently or aloud
    paraphrase: float
    memorised: float
    unknown: float


OBJECTIVES = tuple(Fitness.model_fields)


def fitness_of(tests: Mapping[str, Any], shortcuts: Mapping[str, Any]) -> Fitness:
    """From what `litho exam --json` holds under `tests` and `shortcuts`; 0 where nothing was asked.

    bridging = max(silent, spoken) of two_hop_L3 - the best shortcut's share of the same questions.
    """

    def right(kind: str) -> float:
        return (tests.get(kind) or {}).get("accuracy", {}).get("value") or 0.0

    aloud = ((tests.get(HIDDEN) or {}).get("spoken") or {}).get("accuracy", {}).get("value") or 0.0
    guessed = [each[HIDDEN]["value"] or 0.0 for each in shortcuts.values() if HIDDEN in each]
    return Fitness(
        bridging=max(right(HIDDEN), aloud) - max(guessed, default=0.0),
        paraphrase=right("paraphrase"),
        memorised=right("memorised"),
        unknown=right("unknown"),
    )


def mean(found: Sequence[Fitness]) -> Fitness:
    return Fitness(**{name: fmean(getattr(each, name) for each in found) for name in OBJECTIVES})


def dominates(one: Fitness, other: Fitness) -> bool:
    """Whether it is nowhere worse and somewhere better."""
    pairs = [(getattr(one, name), getattr(other, name)) for name in OBJECTIVES]
    return all(a >= b for a, b in pairs) and any(a > b for a, b in pairs)


def ranked(found: Sequence[Fitness]) -> list[int]:
    """Places from the best to the worst: by Pareto front, inside one by bridging.

    Fronts as in Deb et al. 2002 (NSGA-II): the first is dominated by nothing, the second by the
    first alone, and so on.
    """
    left, order = set(range(len(found))), list[int]()
    while left:
        front = [i for i in left if not any(dominates(found[j], found[i]) for j in left)]
        order += sorted(front, key=lambda i: (-found[i].bridging, i))
        left -= set(front)
    return order
