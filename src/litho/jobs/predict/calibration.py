"""From estimates to predictions with intervals: weights and errors, fitted on runs that were made.

The interval of a prediction comes from the errors on texts that were left out when the weights were
fitted (jackknife+, Barber et al. 2021, arXiv 1905.02928, without its per-point refits), in units of
how large errors of predictions of that size are (locally weighted conformal prediction; Lei et al.
2018, arXiv 1604.04173, section 5.2). The effect on a target is a mean over its tokens; errors fall
with the root of their number. Where texts and questions say their groups, whole groups are left out
and each counts alike, so that the interval holds for groups that were not seen (hierarchical
conformal prediction; Lee et al. 2023, arXiv 2306.06342).
"""

import random
from collections.abc import Iterable, Sequence
from statistics import fmean

import numpy as np
from pydantic import model_validator
from scipy.optimize import nnls

from litho.core.errors import LithoError
from litho.jobs.predict.fitting import Fit, fit
from litho.jobs.predict.measurements import Block, Measurements
from litho.jobs.predict.method import Method
from litho.jobs.predict.result import COVERAGE, CalibrationRecord, Coverage
from litho.measure.agreement import rank_agreement

FEWEST = 10  # texts: fewer say nothing about others
FORMAT = 3  # of estimates and errors
CHECKED = 400  # predictions that are kept beside what was measured, to be shown


class Calibration(CalibrationRecord):
    """A calibration that predicts."""

    @property
    def estimates(self) -> int:
        """How many estimates of each effect it weighs."""
        return (len(self.weights) - 2) // 2 if self.usual else len(self.weights) - 1

    @model_validator(mode="after")
    def _shapes(self) -> "Calibration":
        f, q = self.estimates, len(self.usual)
        usual, ridge = set(map(len, self.usual)), set(map(len, self.ridge))
        if f < 1 or usual - {f + 1} or ridge - {q} or len(self.ridge) != q * f:
            raise ValueError("its tables do not fit together")
        return self

    def predict(
        self, estimates_TQF: np.ndarray, tokens_Q: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Predictions and half widths of their intervals, both T x Q, nats.

        `tokens_Q`: how many each target has. Raises LithoError if it weighs other estimates.
        """
        count = estimates_TQF.shape[-1]
        if count != self.estimates:
            raise LithoError(
                f"the calibration weighs {self.estimates} estimates of an effect and not {count}: "
                "it is damaged; make it again with 'litho calibrate'"
            )
        known = (np.array(self.usual), np.array(self.ridge)) if self.usual else (None, None)
        effects_TQ = Fit(np.array(self.weights), *known).predict(estimates_TQF)
        typical_TQ = _typical(self.floor, self.slope, effects_TQ, tokens_Q)
        return effects_TQ, self.quantile * typical_TQ


def calibrate(
    method: Method,
    model: str,
    recipe: dict[str, object],
    questions: str | None,
    precision: str,
    runs: Measurements,
) -> Calibration:
    """Fit on texts that were trained on, for questions of a hash or, with None, for any."""
    own = questions is not None
    blocks = runs.blocks(own)
    left_out_TQ = np.empty_like(runs.effects_TQ)
    for block in blocks:
        fitted = fit(*runs.without(block), own)
        left_out_TQ[block.inside] = fitted.predict(runs.estimates_TQF[block.inside])
    weights_TQ = _weights(blocks, left_out_TQ.shape)
    errors_TQ = np.abs(runs.effects_TQ - left_out_TQ)
    floor, slope = _sizes(errors_TQ, left_out_TQ, runs.tokens_Q, weights_TQ)
    scores_TQ = errors_TQ / _typical(floor, slope, left_out_TQ, runs.tokens_Q)
    quantile = conformal_quantile(scores_TQ.ravel(), weights_TQ.ravel())
    whole = fit(runs.estimates_TQF, runs.effects_TQ, own)
    away_TQ = runs.effects_TQ - runs.effects_TQ.mean()
    return Calibration(
        format=FORMAT,
        method=method,
        model=model,
        recipe=recipe,
        questions=questions,
        precision=precision,
        runs=len(left_out_TQ),
        weights=tuple(whole.weights_W.tolist()),
        usual=_rows(whole.usual_QU),
        ridge=_rows(whole.ridge_EQ),
        floor=floor,
        slope=slope,
        quantile=quantile,
        largest=float(np.abs(left_out_TQ).max()),
        agreement=rank_agreement([_by_text(left_out_TQ), _by_text(runs.effects_TQ)]),
        r2=1 - float(np.square(errors_TQ).sum() / np.square(away_TQ).sum()),
        coverage=_coverage(blocks, scores_TQ, weights_TQ) if runs.grouped else None,
        checked=_some(left_out_TQ, runs.effects_TQ, scores_TQ <= quantile),
    )


def conformal_quantile(scores: np.ndarray, weights: np.ndarray) -> float:
    """What bounds `COVERAGE` of all scores by weight.

    With equal weights the ceil(COVERAGE * (n + 1))-th smallest of n (Lei et al. 2018, algorithm 2).
    The largest where n is too small for that.
    """
    order = np.argsort(scores)
    bounded = np.cumsum(weights[order]) / weights.sum()
    level = COVERAGE * (len(scores) + 1) / len(scores)
    rank = int(np.searchsorted(bounded, level - 1e-9))
    return float(scores[order][min(rank, len(scores) - 1)])


def _typical(
    floor: float, slope: float, effects_TQ: np.ndarray, tokens_Q: np.ndarray
) -> np.ndarray:
    """How large an error of each prediction usually is, nats."""
    return np.maximum(floor + slope * np.abs(effects_TQ), 1e-12) / np.sqrt(tokens_Q)


def _sizes(
    errors_TQ: np.ndarray, predicted_TQ: np.ndarray, tokens_Q: np.ndarray, weights_TQ: np.ndarray
) -> tuple[float, float]:
    """Floor and slope of typical errors of targets of one token."""
    counted = np.sqrt(weights_TQ).ravel()
    sizes = np.abs(predicted_TQ).ravel()
    single = (errors_TQ * np.sqrt(tokens_Q)).ravel()
    design = np.stack([np.ones_like(sizes), sizes], axis=1) * counted[:, None]
    (floor, slope), _ = nnls(design, single * counted)
    return float(floor), float(slope)


def _weights(blocks: Sequence[Block], shape: tuple[int, ...]) -> np.ndarray:
    """Each block counts as much as another, whatever its size."""
    weights_TQ = np.empty(shape)
    for block in blocks:
        weights_TQ[block.inside] = 1 / block.size
    return weights_TQ


def _coverage(blocks: Sequence[Block], scores_TQ: np.ndarray, weights_TQ: np.ndarray) -> Coverage:
    """How many intervals hold in groups from whose errors the interval was not made."""
    shares: dict[tuple[str, str], float] = {}
    for block in blocks:
        others = block.outside
        quantile = conformal_quantile(scores_TQ[others].ravel(), weights_TQ[others].ravel())
        shares[block.texts, block.questions] = float((scores_TQ[block.inside] <= quantile).mean())
    return Coverage(
        value=_mean(shares.values()),
        texts={g: _mean(s for (t, _), s in shares.items() if t == g) for g in _firsts(shares, 0)},
        probes={g: _mean(s for (_, q), s in shares.items() if q == g) for g in _firsts(shares, 1)},
    )


def _firsts(shares: dict[tuple[str, str], float], place: int) -> list[str]:
    return [group for group in dict.fromkeys(key[place] for key in shares) if group]


def _mean(values: Iterable[float]) -> float:
    return round(fmean(values), 4)


def _rows(values: np.ndarray | None) -> tuple[tuple[float, ...], ...]:
    return () if values is None else tuple(map(tuple, values.tolist()))


def _by_text(effects_TQ: np.ndarray) -> dict[str, Sequence[float]]:
    return {str(i): row.tolist() for i, row in enumerate(effects_TQ)}


def _some(
    predicted_TQ: np.ndarray, measured_TQ: np.ndarray, inside_TQ: np.ndarray
) -> tuple[tuple[float, float, bool], ...]:
    """Some of them, drawn by chance."""
    columns = (predicted_TQ, measured_TQ, inside_TQ)
    rows = list(zip(*(column.ravel().tolist() for column in columns), strict=True))
    drawn = random.Random(0).sample(rows, min(CHECKED, len(rows)))
    return tuple((float(f"{p:.4g}"), float(f"{m:.4g}"), inside) for p, m, inside in drawn)
