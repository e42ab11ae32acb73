"""Onset: the first layer at which a change of the model is more than its share of chance.

Null: LoRA updates of random direction whose total Frobenius norm is that of the change, spread
evenly over all adapted matrices. Statistic of a layer: logarithm of its own effect (see
`litho.measure.difference.own_effects`), meaned over tokens. A layer whose own effect lies beyond
what random updates of equal size do there, at p < 0.01 corrected for the number of layers
(Bonferroni), has been changed on purpose; the first of them is the onset.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

LEVEL = 0.01


@dataclass(frozen=True)
class Onset:
    """Where a change begins, with its null."""

    layer: int | None  # None: no layer is beyond chance
    p: float  # of that layer, else the smallest of all; corrected for the number of layers
    p_by_layer: list[float]  # corrected
    effect_by_layer: list[float]  # own effect, geometric mean of nothing but its token mean
    null_low: list[float]  # 95 % band of the null by layer
    null_high: list[float]


def onset(effects_L: Sequence[float], null_NL: Sequence[Sequence[float]]) -> Onset:
    """Onset of a change whose mean own effect by layer is `effects_L`.

    `null_NL` holds the same numbers of N random updates. On the log scale the null is close to
    normal, and a new value is judged by Student's t with N - 1 degrees of freedom (prediction
    interval). Raises ValueError with fewer than three nulls.
    """
    if len(null_NL) < 3:
        raise ValueError(f"{len(null_NL)} nulls are too few to judge by")
    null = np.log(np.asarray(null_NL, float))
    effects = np.asarray(effects_L, float)
    p = np.minimum(prediction_p(effects, null) * len(effects), 1.0)
    beyond = np.flatnonzero(p < LEVEL)
    first = int(beyond[0]) if len(beyond) else None
    low, high = band(null)
    return Onset(
        layer=first,
        p=float(p[first] if first is not None else p.min()),
        p_by_layer=p.tolist(),
        effect_by_layer=effects.tolist(),
        null_low=np.exp(low).tolist(),
        null_high=np.exp(high).tolist(),
    )


def prediction_p(
    effects_L: NDArray[np.floating], log_null_NL: NDArray[np.floating]
) -> NDArray[np.floating]:
    """One-sided p of each effect under the null's prediction distribution; 1 where it is 0."""
    count = len(log_null_NL)
    spread = log_null_NL.std(axis=0, ddof=1) * math.sqrt(1 + 1 / count)
    with np.errstate(divide="ignore"):
        distance = np.log(effects_L) - log_null_NL.mean(axis=0)
    return stats.t.sf(distance / np.maximum(spread, 1e-12), count - 1)


def band(log_null_NL: NDArray[np.floating]) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """95 % prediction band of one more null."""
    count = len(log_null_NL)
    reach = stats.t.ppf(0.975, count - 1) * math.sqrt(1 + 1 / count)
    middle, spread = log_null_NL.mean(axis=0), log_null_NL.std(axis=0, ddof=1)
    return middle - reach * spread, middle + reach * spread
