"""Keeping the drift within its budget: a controller on the weight of the drift term."""

import math

from pydantic import BaseModel

HEADROOM = 0.75  # aim below the budget: replay is seen in training, retention text is not
SMOOTHING = 0.3
GAIN = 0.25
LEAST_WEIGHT, GREATEST_WEIGHT = 0.5, 300.0


class DriftController(BaseModel):
    """Integral control in log space: more weight while the drift is above its aim, less below.

    `budget` and `smoothed` are in nats a token. All of the state is in the fields, so that a
    resumed run goes on as if nothing had happened.
    """

    budget: float
    weight: float = 40.0  # strong from the start: what drifts early is not won back
    smoothed: float | None = None

    def observe(self, drift: float) -> None:
        """Take in the drift that a training step measured on its replay rows."""
        if self.smoothed is None:
            self.smoothed = drift
        self.smoothed += SMOOTHING * (drift - self.smoothed)
        excess = self.smoothed / (HEADROOM * self.budget) - 1
        factor = math.exp(GAIN * max(-1.0, min(1.0, excess)))
        self.weight = max(LEAST_WEIGHT, min(GREATEST_WEIGHT, self.weight * factor))
