"""What a comparison found: means over texts with intervals, arms against the plan, pair by pair."""

from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np

from litho.core import stats
from litho.core.stats import Estimate
from litho.jobs.bench.parts import ABLATIONS, ARMS
from litho.jobs.bench.result import ArmSummary, BenchResult, Matched, Trial, TrialMark
from litho.text.items import IMPRINT_KINDS

PLAN = "plan"


# Both curves, M x 2, and the I_gen at which they are compared.
CurveComparison = Callable[[np.ndarray, np.ndarray, float], float]
MarkReading = Callable[[TrialMark], float | None]


def summarize(trials: Sequence[Trial]) -> BenchResult:
    """One summary an arm that has trials, in the order of the catalogue."""
    by_arm: dict[str, list[Trial]] = {}
    for trial in trials:
        by_arm.setdefault(trial.arm, []).append(trial)
    plan = by_arm.get(PLAN, [])
    arms = (_summary(by_arm[arm], plan) for arm in (*ARMS, *ABLATIONS) if arm in by_arm)
    return BenchResult(tuple(arms))


def _summary(trials: Sequence[Trial], plan: Sequence[Trial]) -> ArmSummary:
    first = trials[0]
    return ArmSummary(
        arm=first.arm,
        learning_rate=first.learning_rate,
        kl_weight=first.kl_weight,
        texts=len({t.text for t in trials}),
        trials=len(trials),
        failed=sum(trial.failed is not None for trial in trials),
        imprint={kind: _mean(trials, _imprint_of(kind)) for kind in IMPRINT_KINDS},
        drift=_mean(trials, lambda t: t.drift),
        spill=_mean(trials, lambda t: t.spill),
        spill_first=_mean(trials, lambda t: t.spill_first),
        durability=_mean(trials, lambda t: t.durability),
        tokens=float(np.mean([t.tokens for t in trials])),
        read=float(np.mean([t.read for t in trials])),
        more_imprint=_difference(trials, plan, lambda t: t.imprint["gen"]),
        more_drift=_difference(trials, plan, lambda t: t.drift),
        drift_ratio=_matched(plan, trials, lambda m: m.drift, _drift_ratio),
        plan_spills_more=_matched(plan, trials, lambda m: m.spill, _more_spill),
    )


Measure = Callable[[Trial], float | None]


def _imprint_of(kind: str) -> Measure:
    return lambda trial: trial.imprint[kind]


def _mean(trials: Sequence[Trial], measure: Measure) -> Estimate:
    return stats.mean(list(_by_text(trials, measure).values()))


def _by_text(trials: Sequence[Trial], measure: Measure) -> dict[str, float]:
    """A number a text, the mean of its seeds."""
    by_text: dict[str, list[float]] = {}
    for trial in trials:
        value = measure(trial)
        if value is not None:
            by_text.setdefault(trial.text, []).append(value)
    return {text: float(np.mean(values)) for text, values in by_text.items()}


def _difference(trials: Sequence[Trial], plan: Sequence[Trial], measure: Measure) -> Estimate:
    """Paired over texts, on the seeds that both have."""
    own, other = (_by_text(arm, measure) for arm in _paired(trials, plan))
    return stats.mean([own[text] - other[text] for text in own if text in other])


def _paired(
    trials: Sequence[Trial], plan: Sequence[Trial]
) -> tuple[Sequence[Trial], Sequence[Trial]]:
    """Those of both that have the same text and seed."""
    both = {(t.text, t.seed) for t in trials} & {(t.text, t.seed) for t in plan}
    first, second = ([t for t in arm if (t.text, t.seed) in both] for arm in (trials, plan))
    return first, second


def _matched(
    plan: Sequence[Trial], trials: Sequence[Trial], of: MarkReading, compare: CurveComparison
) -> Matched:
    """What the plan did beside what an arm did at the same I_gen, bootstrapped over texts.

    Both are read off the mean curve over texts.
    """
    other, own = (_curves(arm, of) for arm in _paired(trials, plan))
    texts = sorted(own.keys() & other.keys())
    if not texts:
        return Matched(found=Estimate(value=None, ci=None, n=0), at=None)
    first, second = (np.stack([curves[t] for t in texts]) for curves in (own, other))

    def compared(chosen: np.ndarray) -> tuple[float, float]:
        a, b = first[chosen].mean(axis=0), second[chosen].mean(axis=0)
        level = min(a[:, 0].max(), b[:, 0].max())
        return compare(a, b, level), level

    _, level = compared(np.arange(len(texts)))
    return Matched(found=stats.of_units(len(texts), lambda chosen: compared(chosen)[0]), at=level)


def _curves(trials: Sequence[Trial], of: MarkReading) -> dict[str, np.ndarray]:
    """I_gen and a reading before training and at each mark, M x 2, a text: the mean of seeds."""
    by_text: dict[str, list[np.ndarray]] = {}
    for trial in trials:
        points = [(0.0, 0.0), *((m.imprint["gen"], of(m)) for m in trial.curve)]
        if trial.curve and all(value is not None for point in points for value in point):
            by_text.setdefault(trial.text, []).append(np.array(points, dtype=float))
    return {text: np.mean(curves, axis=0) for text, curves in by_text.items()}


def _drift_ratio(own_M2: np.ndarray, other_M2: np.ndarray, level: float) -> float:
    return drift_at(own_M2, level) / max(drift_at(other_M2, level), 1e-12)


def _more_spill(own_M2: np.ndarray, other_M2: np.ndarray, level: float) -> float:
    return _least_at(own_M2, level, _linear) - _least_at(other_M2, level, _linear)


def drift_at(curve_M2: np.ndarray, level: float) -> float:
    """The least drift at which a curve of I_gen and drift is at `level`.

    Between two marks the logarithm of the drift is taken as linear; from nothing, the drift itself.
    """
    return _least_at(curve_M2, level, _logarithmic)


def _least_at(
    curve_M2: np.ndarray, level: float, between: Callable[[float, float, float], float]
) -> float:
    readings = [value for gen, value in curve_M2 if gen >= level]
    for (before, first), (after, second) in pairwise(curve_M2):
        if min(before, after) < level < max(before, after):
            readings.append(between(first, second, (level - before) / (after - before)))
    return float(min(readings))


def _linear(first: float, second: float, part: float) -> float:
    return first + part * (second - first)


def _logarithmic(first: float, second: float, part: float) -> float:
    if min(first, second) > 0:
        return first ** (1 - part) * second**part
    return _linear(first, second, part)
