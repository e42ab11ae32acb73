"""From estimates to predictions with intervals: weights and errors, fitted on runs that were made.

The interval of a prediction comes from the errors on texts that were left out when the weights were
fitted (jackknife+, Barber et al. 2021, arXiv 1905.02928, without its per-point refits), in units of
how large errors of predictions of that size are (locally weighted conformal prediction; Lei et al.
2018, arXiv 1604.04173, section 5.2).
"""

import math
import random
from collections.abc import Sequence

import numpy as np
from scipy.optimize import nnls

from litho.jobs.predict.fitting import Fit, fit
from litho.jobs.predict.method import Method
from litho.jobs.predict.result import COVERAGE, CalibrationRecord
from litho.measure.agreement import rank_agreement

FEWEST = 10  # texts: fewer say nothing about others
FORMAT = 2  # of the estimates of either method
CHECKED = 400  # predictions that are kept beside what was measured, to be shown


class Calibration(CalibrationRecord):
    """A calibration that predicts."""

    def predict(self, estimates_TQF: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Predictions and half widths of their intervals, both T x Q, nats."""
        known = (np.array(self.usual), np.array(self.ridge)) if self.usual else (None, None)
        effects_TQ = Fit(np.array(self.weights), *known).predict(estimates_TQF)
        return effects_TQ, self.quantile * (self.floor + self.slope * np.abs(effects_TQ))


def calibrate(
    method: Method,
    model: str,
    recipe: dict[str, object],
    questions: str | None,
    precision: str,
    estimates_TQF: np.ndarray,
    measured_TQ: np.ndarray,
) -> Calibration:
    """Fit on texts that were trained on, for questions of a hash or, with None, for any.

    Estimates of one text must not depend on which others are there.
    """
    own = questions is not None
    left_out_TQ = np.concatenate(
        [
            fit(_without(estimates_TQF, i), _without(measured_TQ, i), own).predict(one_TQF)
            for i, one_TQF in enumerate(np.split(estimates_TQF, len(estimates_TQF)))
        ]
    )
    errors = np.abs(measured_TQ - left_out_TQ).ravel()
    sizes = np.abs(left_out_TQ).ravel()
    (floor, slope), _ = nnls(np.stack([np.ones_like(sizes), sizes], axis=1), errors)
    typical = np.maximum(floor + slope * sizes, 1e-12)
    whole = fit(estimates_TQF, measured_TQ, own)
    return Calibration(
        format=FORMAT,
        method=method,
        model=model,
        recipe=recipe,
        questions=questions,
        precision=precision,
        runs=len(measured_TQ),
        weights=tuple(whole.weights_W.tolist()),
        usual=_rows(whole.usual_QU),
        ridge=_rows(whole.ridge_EQ),
        floor=float(floor),
        slope=float(slope),
        quantile=conformal_quantile(errors / typical),
        largest=float(sizes.max()),
        agreement=rank_agreement([_by_text(left_out_TQ), _by_text(measured_TQ)]),
        r2=1 - float(np.square(errors).sum() / np.square(measured_TQ - measured_TQ.mean()).sum()),
        checked=_some(left_out_TQ, measured_TQ),
    )


def conformal_quantile(scores: np.ndarray) -> float:
    """What bounds `COVERAGE` of all scores: of n, the ceil(COVERAGE * (n + 1))-th smallest.

    Lei et al. 2018, algorithm 2. The largest where n is too small for that.
    """
    rank = min(len(scores), math.ceil(COVERAGE * (len(scores) + 1)))
    return float(np.sort(scores)[rank - 1])


def _without(values: np.ndarray, i: int) -> np.ndarray:
    return np.delete(values, i, axis=0)


def _rows(values: np.ndarray | None) -> tuple[tuple[float, ...], ...]:
    return () if values is None else tuple(map(tuple, values.tolist()))


def _by_text(effects_TQ: np.ndarray) -> dict[str, Sequence[float]]:
    return {str(i): row.tolist() for i, row in enumerate(effects_TQ)}


def _some(predicted_TQ: np.ndarray, measured_TQ: np.ndarray) -> tuple[tuple[float, float], ...]:
    """Some of them, drawn by chance."""
    pairs = list(zip(predicted_TQ.ravel().tolist(), measured_TQ.ravel().tolist(), strict=True))
    drawn = random.Random(0).sample(pairs, min(CHECKED, len(pairs)))
    return tuple((float(f"{p:.4g}"), float(f"{m:.4g}")) for p, m in drawn)
