"""Whether a change acts in the same places on another text: learned structure or learned string."""

from collections.abc import Sequence

import numpy as np

from litho.core.records import Record

PERMUTATIONS = 2000


class Overlap(Record):
    """Share of the strongest places that two texts have in common."""

    value: float  # 0 to 1
    places: int  # how many are compared
    null: tuple[float, float]  # 95 % of permutations lie in it
    p: float  # one-sided


def overlap(
    first: Sequence[float],
    second: Sequence[float],
    groups: Sequence[int],
    share: float = 0.1,
    seed: int = 0,
) -> Overlap:
    """Of the strongest `share` of places on the first text, how many are so on the second, too.

    Null: the second text's numbers are permuted within each of `groups` (such as the layer of a
    head), so that what all of a group have in common, such as depth, counts for nothing. The
    p-value counts the observed arrangement among the permutations (Phipson & Smyth 2010). Raises
    ValueError on unequal lengths.
    """
    a, b, group = np.asarray(first, float), np.asarray(second, float), np.asarray(groups)
    if not len(a) == len(b) == len(group):
        raise ValueError(f"{len(a)}, {len(b)} and {len(group)} places are not the same ones")
    count = max(1, round(share * len(a)))
    strongest = np.zeros(len(a), bool)
    strongest[np.argsort(-a, kind="stable")[:count]] = True

    def common(values: np.ndarray) -> float:
        return float(strongest[np.argsort(-values, kind="stable")[:count]].mean())

    chance = np.random.default_rng(seed)
    members = [np.flatnonzero(group == g) for g in np.unique(group)]
    null = np.empty(PERMUTATIONS)
    for i in range(PERMUTATIONS):
        shuffled = b.copy()
        for places in members:
            shuffled[places] = b[chance.permutation(places)]
        null[i] = common(shuffled)
    observed = common(b)
    low, high = np.quantile(null, (0.025, 0.975)).tolist()
    p = (1 + int((null >= observed).sum())) / (1 + PERMUTATIONS)
    return Overlap(value=observed, places=count, null=(low, high), p=p)
