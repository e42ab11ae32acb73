"""What trainings say of a search: everyone on fresh seeds and kept probes, the family; no torch."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from litho.core import stats
from litho.core.stats import Estimate
from litho.jobs.arrange.halves import Deltas, Halves
from litho.jobs.arrange.result import Arranged, FilterResult, Tried
from litho.jobs.arrange.search import Forecast, Individual
from litho.jobs.arrange.variation import Genome
from litho.text.items import Question

BEST, GIVEN, SHUFFLED, RANDOM, AMOUNTS = "evolution", "given", "shuffled", "random", "amounts"
FEWEST = 3  # sequences, below which ranks say nothing


@dataclass(frozen=True)
class Entrant:
    """A sequence, or one for each seed, that is tried on fresh seeds."""

    id: str
    role: str
    genomes: tuple[Genome, ...]  # one a seed
    searched: Sequence[Deltas] = ()  # what the search was told, one a seed


@dataclass(frozen=True)
class Judge:
    """Looks at rises of probes with what belongs to them."""

    questions: Sequence[Question]
    halves: Halves
    tokens: Mapping[str, int]  # of each document

    def tried(self, entrant: Entrant, fresh: Sequence[Deltas]) -> Tried:
        """`fresh`: its rises with fresh seeds."""
        searched, kept = self.halves.searched, self.halves.kept
        means = {place: fmean(deltas[place] for deltas in fresh) for place in kept}
        worst = min(kept, key=means.__getitem__)
        read = Counter(entrant.genomes[0])
        return Tried(
            id=entrant.id,
            role=entrant.role,
            search=_over(entrant.searched, searched) if entrant.searched else None,
            again=_over(fresh, searched),
            fresh=_over(fresh, kept),
            worst=means[worst],
            worst_probe=self.questions[worst].id,
            tokens=self.tokens_of(entrant.genomes[0]),
            amounts={name: read[name] for name in self.tokens},
        )

    def tokens_of(self, genome: Genome) -> int:
        return sum(self.tokens[name] for name in genome)

    def best_of(self, fresh: Sequence[Sequence[Deltas]]) -> int:
        """Which finalist is best with fresh seeds: by the probes of the search, not by those kept.

        So that what the kept ones say of it needs no allowance for the choice.
        """
        places = self.halves.searched
        means = [fmean(deltas[place] for deltas in each for place in places) for each in fresh]
        return max(range(len(means)), key=means.__getitem__)

    def less(self, one: Sequence[Deltas], other: Sequence[Deltas]) -> Estimate:
        """Differences on the same fresh seeds and kept probes."""
        pairs = zip(one, other, strict=True)
        return stats.crossed([[a[i] - b[i] for i in self.halves.kept] for a, b in pairs])


def _over(told: Sequence[Deltas], places: Sequence[int]) -> Estimate:
    return stats.crossed([[deltas[place] for place in places] for deltas in told])


def family_of(
    known: Mapping[str, Sequence[Individual]], forecast: Forecast, judge: Judge
) -> list[Arranged]:
    return [
        Arranged(
            id=each.child.id,
            search=search,
            generation=each.generation,
            parents=each.child.parents,
            operators=each.child.operators,
            seeds=len(each.told),
            rise=each.rise,
            predicted=forecast(each.child.genome),
            tokens=judge.tokens_of(each.child.genome),
            sequence=each.child.genome,
        )
        for search, some in known.items()
        for each in some
    ]


def filter_result(
    family: Sequence[Arranged], seconds: float, training_seconds: float
) -> FilterResult:
    """`seconds`: that the predictions took, and all trainings."""
    return FilterResult(
        tried=_ranking(family),
        by_chance=_ranking([each for each in family if each.search == RANDOM]),
        seconds=seconds,
        training_seconds=training_seconds,
    )


def _ranking(family: Sequence[Arranged]) -> Estimate:
    """Spearman's correlation of what was predicted and what was measured."""
    predicted = [each.predicted for each in family]
    measured = [each.rise.mean for each in family]
    if len(family) < FEWEST or len(set(predicted)) == 1 or len(set(measured)) == 1:
        return Estimate(value=None, ci=None, n=len(family))
    import numpy as np
    from scipy.stats import rankdata

    def spearman(units: np.ndarray) -> float:
        """0 for a resample that is one sequence again and again."""
        ranks = [rankdata(np.asarray(values)[units]) for values in (predicted, measured)]
        if any(each.std() == 0 for each in ranks):
            return 0.0
        return float(np.corrcoef(*ranks)[0, 1])

    return stats.of_units(len(family), spearman)


def said_of(best: Tried, sequence: Genome, given: Genome, found: Estimate, seeds: int) -> str:
    """The sentence about the best less the documents as they are given."""
    if sequence == given:
        return "No sequence came out better than the documents in the order given."
    shown = _shown(found, "it is better", "it is worse", "no difference is shown")
    return (
        f"On {seeds} fresh seeds and {found.n} kept probes {best.id} differs from the order given "
        f"by {_how(found)} nats per target token: {shown}."
    )


def said_of_order(found: Estimate) -> str:
    """The sentence about the best less its own documents in shuffled orders."""
    neither = "that the order does anything is not shown"
    shown = _shown(found, "its order helps", "its order does harm", neither)
    return f"From its own documents in shuffled orders it differs by {_how(found)}: {shown}."


def _shown(found: Estimate, above: str, below: str, neither: str) -> str:
    """What is said where the whole interval lies above 0, or below, or it holds 0."""
    assert found.ci is not None
    low, high = found.ci
    if low > 0:
        return above
    return below if high < 0 else neither


def _how(found: Estimate) -> str:
    assert found.value is not None and found.ci is not None
    low, high = found.ci
    return f"{found.value:+.3f} ({low:+.3f} to {high:+.3f})"
