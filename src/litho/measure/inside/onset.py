"""Onset: the first layer at which a change of the model is more than its share of chance.

Null: other updates of the size of the change (see `litho.measure.inside.chance`). Statistic of a
layer: logarithm of its own effect (see `litho.measure.inside.difference.own_effects`) averaged over
tokens. The onset is the first layer whose own effect lies beyond what those updates do there, at
p < 0.01 corrected for the number of layers (Bonferroni). Layers before it may have changed, too,
but by no more than chance would.
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
    effect_by_layer: list[float]  # own effect, mean over tokens
    null_low: list[float]  # 95 % band of the null by layer
    null_high: list[float]


def onset(effects_L: Sequence[float], null_NL: Sequence[Sequence[float]]) -> Onset:
    """Onset of a change whose mean own effect by layer is `effects_L`.

    `null_NL` holds the same numbers of N random updates. On the log scale the null is close to
    normal, and a new value is judged by Student's t with N - 1 degrees of freedom (prediction
    interval). Raises ValueError with fewer than three nulls.
    """
    with np.errstate(divide="ignore"):
        null, effects = np.log(np.asarray(null_NL, float)), np.log(np.asarray(effects_L, float))
    # Blocks that the null does not reach at all: there any effect is more than chance.
    unreached = np.isneginf(null).any(axis=0)
    null[:, unreached] = 0.0
    p = np.minimum(prediction_p(effects, null) * len(effects), 1.0)
    p[unreached] = np.where(np.isneginf(effects[unreached]), 1.0, 0.0)
    beyond = np.flatnonzero(p < LEVEL)
    first = int(beyond[0]) if len(beyond) else None
    low, high = (np.where(unreached, -np.inf, edge) for edge in band(null))
    return Onset(
        layer=first,
        p=float(p[first] if first is not None else p.min()),
        p_by_layer=p.tolist(),
        effect_by_layer=list(effects_L),
        null_low=np.exp(low).tolist(),
        null_high=np.exp(high).tolist(),
    )


def prediction_p(
    values: NDArray[np.floating], null_N: NDArray[np.floating]
) -> NDArray[np.floating]:
    """One-sided p of each value under the prediction distribution of one more null.

    `null_N` has N rows and a column for each value. Raises ValueError with fewer than three rows.
    """
    count = len(null_N)
    if count < 3:
        raise ValueError(f"{count} nulls are too few to judge by")
    spread = null_N.std(axis=0, ddof=1) * math.sqrt(1 + 1 / count)
    distance = (values - null_N.mean(axis=0)) / np.maximum(spread, 1e-12)
    p: NDArray[np.floating] = stats.t.sf(distance, count - 1)
    return p


def band(null_N: NDArray[np.floating]) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """95 % prediction band of one more null."""
    count = len(null_N)
    reach = stats.t.ppf(0.975, count - 1) * math.sqrt(1 + 1 / count)
    middle, spread = null_N.mean(axis=0), null_N.std(axis=0, ddof=1)
    return middle - reach * spread, middle + reach * spread
