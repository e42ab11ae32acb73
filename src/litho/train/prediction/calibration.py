"""From estimates to predictions with intervals: weights and errors, fitted on runs that were made.

A prediction is a weighted sum of estimates of an effect. Its interval comes from the errors on
texts that were left out when the weights were fitted (jackknife+, Barber et al. 2021, arXiv
1905.02928, without its per-point refits), in units of how large errors of predictions of that
size are (locally weighted conformal prediction; Lei et al. 2018, arXiv 1604.04173, section 5.2).
"""

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np
from scipy.optimize import nnls

from litho.core.records import Estimate, Record
from litho.measure.agreement import rank_agreement

# Shapes: T texts, Q questions, F estimates of each effect.
Price = Literal["cheap", "careful"]
COVERAGE = 0.9
RELIABLE = 0.7  # agreement below which a user is told to run it instead
FEWEST = 10  # texts: fewer say nothing about others


class Calibration(Record):
    """How the estimates of one price and recipe are turned into predictions."""

    price: Price
    model: str  # hash of its weights
    recipe: dict[str, object]  # without its seed
    precision: str  # of the coarse runs
    weights: tuple[float, ...]  # of each estimate
    offset: float  # nats
    floor: float  # typical error of a prediction of 0, nats
    slope: float  # by which it grows with the size of the prediction
    quantile: float  # errors of this many typical ones bound `COVERAGE` of all
    largest: float  # predictions beyond it were never checked, nats
    agreement: Estimate  # with what was measured: Spearman over questions, median over texts
    r2: float  # variance explained of all effects

    @property
    def holds(self) -> bool:
        """Whether predictions agree with measurements well enough to be relied on."""
        return self.agreement.value is not None and self.agreement.value >= RELIABLE

    def predict(self, estimates_TQF: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Predictions and half widths of their intervals, both T x Q, nats."""
        found_TQ = estimates_TQF @ np.array(self.weights) + self.offset
        return found_TQ, self.quantile * (self.floor + self.slope * np.abs(found_TQ))


def calibrate(
    price: Price,
    model: str,
    recipe: dict[str, object],
    precision: str,
    estimates_TQF: np.ndarray,
    measured_TQ: np.ndarray,
) -> Calibration:
    """Fit on texts that were trained on.

    Estimates of one text must not depend on which others are there.
    """
    left_out_TQ = np.stack(
        [
            _apply(_fit(_without(estimates_TQF, i), _without(measured_TQ, i)), estimates_TQF[i])
            for i in range(len(measured_TQ))
        ]
    )
    errors = np.abs(measured_TQ - left_out_TQ).ravel()
    sizes = np.abs(left_out_TQ).ravel()
    (floor, slope), _ = nnls(np.stack([np.ones_like(sizes), sizes], axis=1), errors)
    typical = np.maximum(floor + slope * sizes, 1e-12)
    rank = min(1.0, math.ceil(COVERAGE * (len(errors) + 1)) / len(errors))
    whole = _fit(estimates_TQF, measured_TQ)
    return Calibration(
        price=price,
        model=model,
        recipe=recipe,
        precision=precision,
        weights=tuple(whole[:-1].tolist()),
        offset=float(whole[-1]),
        floor=float(floor),
        slope=float(slope),
        quantile=float(np.quantile(errors / typical, rank)),
        largest=float(sizes.max()),
        agreement=rank_agreement([_by_text(left_out_TQ), _by_text(measured_TQ)]),
        r2=1 - float(np.square(errors).sum() / np.square(measured_TQ - measured_TQ.mean()).sum()),
    )


def _fit(estimates_TQF: np.ndarray, measured_TQ: np.ndarray) -> np.ndarray:
    """Weights and, last, the offset, by least squares."""
    design = estimates_TQF.reshape(-1, estimates_TQF.shape[-1])
    design = np.concatenate([design, np.ones((len(design), 1))], axis=1)
    found, *_ = np.linalg.lstsq(design, measured_TQ.ravel())
    return np.asarray(found)


def _apply(fitted: np.ndarray, estimates_QF: np.ndarray) -> np.ndarray:
    return np.asarray(estimates_QF @ fitted[:-1] + fitted[-1])


def _without(values: np.ndarray, i: int) -> np.ndarray:
    return np.delete(values, i, axis=0)


def _by_text(effects_TQ: np.ndarray) -> dict[str, Sequence[float]]:
    return {str(i): row.tolist() for i, row in enumerate(effects_TQ)}
