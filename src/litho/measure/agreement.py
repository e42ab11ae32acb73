"""Do repeated measurements say the same? Seeds of one model, and models among each other.

A text's effects are one number a question. `Effects` holds them by text.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from statistics import fmean

from litho.core import stats
from litho.core.records import Record
from litho.core.stats import Estimate

Effects = Mapping[str, Sequence[float]]  # by text, one number a question, nats
FEWEST = 3  # questions, below which ranks say nothing


class Claims(Record):
    """Claims "this text raises (or lowers) this question" over several models.

    A model makes a claim where all its seeds, at least two, have the same sign.
    """

    made: int  # by one model or more
    replicated: int  # made by further models with the same sign
    contradicted: int  # made by models with both signs


def rank_agreement(repeated: Sequence[Effects]) -> Estimate:
    """Median over texts of Spearman's correlation over the questions, mean of all pairs.

    Of seeds, it is the ceiling for any prediction. Texts that only one of a pair has are left out,
    as are those whose effects are all the same number.
    """
    by_text: dict[str, list[float]] = {}
    for first, second in combinations(repeated, 2):
        for text in first.keys() & second.keys():
            correlation = _spearman(first[text], second[text])
            if correlation is not None:
                by_text.setdefault(text, []).append(correlation)
    return stats.median([fmean(correlations) for correlations in by_text.values()])


def _spearman(first: Sequence[float], second: Sequence[float]) -> float | None:
    if len(first) < FEWEST or len(set(first)) == 1 or len(set(second)) == 1:
        return None
    from scipy.stats import spearmanr  # here, for quick commands know `Claims`, too

    return float(spearmanr(first, second).statistic)


def tally(models: Sequence[Sequence[Effects]]) -> Claims:
    """Count claims; `models` holds the effects of each model seed by seed."""
    signs: dict[tuple[str, int], list[int]] = {}
    for seeds in models:
        for claim, sign in _claims(seeds):
            signs.setdefault(claim, []).append(sign)
    both = [len(set(claim_signs)) > 1 for claim_signs in signs.values()]
    again = [len(claim_signs) > 1 and len(set(claim_signs)) == 1 for claim_signs in signs.values()]
    return Claims(made=len(signs), replicated=sum(again), contradicted=sum(both))


def _claims(seeds: Sequence[Effects]) -> Iterable[tuple[tuple[str, int], int]]:
    for text in {text for effects in seeds for text in effects}:
        rows = [effects[text] for effects in seeds if text in effects]
        if len(rows) < 2:
            continue
        for question, deltas in enumerate(zip(*rows, strict=True)):
            signs = {(delta > 0) - (delta < 0) for delta in deltas}
            if len(signs) == 1 and 0 not in signs:
                yield (text, question), signs.pop()
