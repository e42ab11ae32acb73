"""Estimates with bootstrap intervals over probes, tokens or texts.

numpy and scipy are imported where they are needed: `Estimate` is also known to what starts quickly.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from litho.core.records import Record

if TYPE_CHECKING:
    import numpy as np


class MeanAndMax(Record):
    """Mean and largest value of a measurement."""

    mean: float
    max: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "MeanAndMax":
        return cls(mean=sum(values) / len(values), max=max(values))


class Estimate(Record):
    """A measured number with its 95 % bootstrap interval over `n` units; `None`: not measurable."""

    value: float | None
    ci: tuple[float, float] | None
    n: int


RESAMPLES = 2000
CONFIDENCE = 0.95
AT_ONCE = 2**22  # units of resamples that are held in memory together


def mean(values: Sequence[float], seed: int = 0) -> Estimate:
    """Mean of `values` (any unit) with a percentile bootstrap interval over its elements."""
    return ratio(values, [1.0] * len(values), seed)


def median(values: Sequence[float], seed: int = 0) -> Estimate:
    """Median of `values` (any unit) with a percentile bootstrap interval over its elements."""
    if len(values) < 2:
        return Estimate(value=values[0] if values else None, ci=None, n=len(values))
    import numpy as np

    interval = _bootstrap((np.asarray(values, float),), np.median, seed)
    return Estimate(value=float(np.median(values)), ci=interval, n=len(values))


def ratio(numerators: Sequence[float], denominators: Sequence[float], seed: int = 0) -> Estimate:
    """Ratio of sums of paired values, resampled pair by pair.

    The interval is the percentile bootstrap (Efron & Tibshirani 1993, section 13.3); with fewer
    than two pairs there is a value but no interval. Raises ValueError on unequal lengths.
    """
    if len(numerators) != len(denominators):
        raise ValueError(f"{len(numerators)} numerators but {len(denominators)} denominators")
    import numpy as np

    above, below = np.asarray(numerators, float), np.asarray(denominators, float)
    if not len(above):
        return Estimate(value=None, ci=None, n=0)
    value = float(above.sum() / below.sum())
    if len(above) < 2:
        return Estimate(value=value, ci=None, n=1)
    interval = _bootstrap(
        (above, below), lambda a, b, axis: a.sum(axis=axis) / b.sum(axis=axis), seed
    )
    return Estimate(value=value, ci=interval, n=len(above))


def of_units(count: int, statistic: "Callable[[np.ndarray], float]", seed: int = 0) -> Estimate:
    """Any statistic of `count` units, with a percentile bootstrap interval over the units.

    `statistic` gets the numbers of the units, from 0; of a resample, with repetitions.
    """
    import numpy as np

    if not count:
        return Estimate(value=None, ci=None, n=0)
    units = np.arange(count)
    value = float(statistic(units))
    if count < 2:
        return Estimate(value=value, ci=None, n=1)
    interval = _bootstrap((units,), statistic, seed, vectorized=False)
    return Estimate(value=value, ci=interval, n=count)


def nested(groups: Sequence[Sequence[float]], seed: int = 0) -> Estimate:
    """Mean of the means of groups, with a two-stage percentile bootstrap: groups, then units.

    Of units that come in groups, such as items of a form, the groups are the scarce ones (Davison &
    Hinkley 1997, section 3.8). With one group its units alone are resampled. `n`: groups.
    """
    import numpy as np

    kept = [np.asarray(group, float) for group in groups if len(group)]
    if not kept:
        return Estimate(value=None, ci=None, n=0)
    value = float(np.mean([group.mean() for group in kept]))
    if len(kept) == 1:
        return mean(kept[0].tolist(), seed)
    chance = np.random.default_rng(seed)
    chosen = chance.integers(len(kept), size=(RESAMPLES, len(kept)))
    means = np.empty(chosen.shape)
    for number, group in enumerate(kept):
        here = chosen == number
        drawn = chance.integers(len(group), size=(int(here.sum()), len(group)))
        means[here] = group[drawn].mean(axis=1)
    tails = [50 * (1 - CONFIDENCE), 50 * (1 + CONFIDENCE)]
    low, high = np.percentile(means.mean(axis=1), tails)
    return Estimate(value=value, ci=(float(low), float(high)), n=len(kept))


def crossed(rows: Sequence[Sequence[float]], seed: int = 0) -> Estimate:
    """Mean of a table whose rows and columns are both drawn, such as seeds and probes.

    Percentile bootstrap that draws rows and columns apart from each other (Owen 2007, the
    pigeonhole bootstrap); its interval errs on the wide side. `n`: columns. Raises ValueError on
    rows of unequal length.
    """
    import numpy as np

    table = np.asarray(rows, float)
    if table.ndim != 2:
        raise ValueError("rows of unequal length")
    if not table.size:
        return Estimate(value=None, ci=None, n=0)
    value = float(table.mean())
    if table.shape[1] < 2:
        return Estimate(value=value, ci=None, n=table.shape[1])
    chance = np.random.default_rng(seed)

    def times(count: int) -> np.ndarray:
        """How often each of so many is drawn, in each resample."""
        return chance.multinomial(count, np.full(count, 1 / count), size=RESAMPLES)

    drawn_SR, drawn_SC = times(table.shape[0]), times(table.shape[1])
    means_S = ((drawn_SR @ table) * drawn_SC).sum(axis=1) / table.size
    tails = [50 * (1 - CONFIDENCE), 50 * (1 + CONFIDENCE)]
    low, high = np.percentile(means_S, tails)
    return Estimate(value=value, ci=(float(low), float(high)), n=table.shape[1])


def _bootstrap(
    samples: "Sequence[np.ndarray]",
    statistic: "Callable[..., np.ndarray | float]",
    seed: int,
    vectorized: bool = True,
) -> tuple[float, float]:
    import numpy as np
    from scipy import stats

    interval = stats.bootstrap(
        samples,
        statistic,
        paired=True,
        vectorized=vectorized,
        n_resamples=RESAMPLES,
        batch=max(1, AT_ONCE // len(samples[0])),
        confidence_level=CONFIDENCE,
        method="percentile",
        rng=np.random.default_rng(seed),
    ).confidence_interval
    return float(interval.low), float(interval.high)
