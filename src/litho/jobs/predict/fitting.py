"""How estimates of effects are weighed so that they come nearest to what was measured.

A prediction is a weighted sum of the estimates of an effect. Where the questions are those of the
runs, it begins from the usual effect on each question, mean over the texts; and what is left then
is predicted from the estimates for all questions together, by ridge regression.
"""

from dataclasses import dataclass

import numpy as np

# Shapes: T texts, Q questions, F estimates of each effect, E = Q x F, W weights, U usual values of
# each question: the measured effect and the estimates, mean over texts.
RIDGE = 2.0  # times the mean squared size of a text's estimates


@dataclass(frozen=True)
class Fit:
    """Weights, and what is known of the questions; none of it where they may be any."""

    weights_W: np.ndarray  # of each estimate and each usual value, and the offset
    usual_QU: np.ndarray | None = None
    ridge_EQ: np.ndarray | None = None

    def predict(self, estimates_TQF: np.ndarray) -> np.ndarray:
        """Effects T x Q."""
        if self.usual_QU is None:
            return np.asarray(_design(estimates_TQF, None) @ self.weights_W)
        usual_TQU = np.broadcast_to(self.usual_QU, (len(estimates_TQF), *self.usual_QU.shape))
        left_TQ = _flat(estimates_TQF - usual_TQU[..., 1:]) @ self.ridge_EQ
        return np.asarray(_design(estimates_TQF, usual_TQU) @ self.weights_W + left_TQ)


def fit(estimates_TQF: np.ndarray, measured_TQ: np.ndarray, own: bool) -> Fit:
    """Least squares over all texts and questions; `own`: for these questions, not for any."""
    if not own:
        return Fit(_least_squares(_design(estimates_TQF, None), measured_TQ))
    known_TQU = np.concatenate([measured_TQ[..., None], estimates_TQF], axis=-1)
    others_TQU = (known_TQU.sum(axis=0) - known_TQU) / max(1, len(known_TQU) - 1)
    design_TQW = _design(estimates_TQF, others_TQU)
    weights_W = _least_squares(design_TQW, measured_TQ)
    usual_QU = known_TQU.mean(axis=0)
    away_TE = _flat(estimates_TQF - usual_QU[:, 1:])
    left_TQ = measured_TQ - design_TQW @ weights_W
    return Fit(weights_W, usual_QU, ridge(away_TE, left_TQ))


def ridge(inputs_TE: np.ndarray, outputs_TQ: np.ndarray) -> np.ndarray:
    """Weights E x Q, worked out between texts, of which there are fewer than inputs."""
    products_TT = inputs_TE @ inputs_TE.T
    size = RIDGE * products_TT.diagonal().mean()
    regular_TT = products_TT + (size or 1.0) * np.eye(len(products_TT))
    return np.asarray(inputs_TE.T @ np.linalg.solve(regular_TT, outputs_TQ))


def _least_squares(design_TQW: np.ndarray, measured_TQ: np.ndarray) -> np.ndarray:
    rows = design_TQW.reshape(-1, design_TQW.shape[-1])
    weights_W, *_ = np.linalg.lstsq(rows, measured_TQ.ravel())
    return np.asarray(weights_W)


def _design(estimates_TQF: np.ndarray, usual_TQU: np.ndarray | None) -> np.ndarray:
    ones = np.ones((*estimates_TQF.shape[:-1], 1))
    parts = [estimates_TQF, ones] if usual_TQU is None else [estimates_TQF, usual_TQU, ones]
    return np.concatenate(parts, axis=-1)


def _flat(values_TQF: np.ndarray) -> np.ndarray:
    return values_TQF.reshape(len(values_TQF), -1)
