"""Keeping the drift within its budget: a controller on the weight of the drift term."""

import math

from pydantic import BaseModel

HEADROOM = 0.85  # aim below the budget: the drift of single steps is noisy
SMOOTHING = 0.3
GAIN = 0.2


class DriftController(BaseModel):
    """Integral control in log space: more weight while the drift is above its aim, less below.

    What counts is the drift on samples that are not trained on. It is measured now and then;
    in between, the drift on the replay rows of each step stands for it, scaled by the ratio that
    the two had at the last measurement. `budget` and `smoothed` are in nats a token. All of the
    state is in the fields, so that a resumed run goes on as if nothing had happened.
    """

    budget: float
    weight: float = 40.0  # strong from the start: what drifts early is not won back
    smoothed: float | None = None  # drift on replay rows
    ratio: float = 1.0  # of the drift on unseen samples to that on replay rows
    least: float = 20.0
    greatest: float = 300.0

    @classmethod
    def fixed(cls, weight: float, budget: float) -> "DriftController":
        """One that leaves the weight as it is."""
        return cls(budget=budget, weight=weight, least=weight, greatest=weight)

    def observe(self, drift: float) -> None:
        """Take in the drift that a training step measured on its replay rows."""
        if self.smoothed is None:
            self.smoothed = drift
        self.smoothed += SMOOTHING * (drift - self.smoothed)
        excess = self.ratio * self.smoothed / (HEADROOM * self.budget) - 1
        factor = math.exp(GAIN * max(-1.0, min(1.0, excess)))
        self.weight = max(self.least, min(self.greatest, self.weight * factor))

    def calibrate(self, unseen: float) -> None:
        """Take in the drift measured on samples that are not trained on."""
        if self.smoothed:
            self.ratio = unseen / self.smoothed
