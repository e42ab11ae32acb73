"""Drift from the untouched model: what it is measured on, and how it is kept within a budget."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from pydantic import BaseModel
from torch import Tensor

from litho.learn.losses import ROWS_AT_ONCE, drift_on
from litho.model.adapters import lora
from litho.model.loaded import LanguageModel
from litho.model.placement import HOST
from litho.model.read.scoring import logits

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


@dataclass
class Replay:
    """Self-samples of the base model and what the base says on them."""

    ids_BT: Tensor
    logits_BTV: Tensor

    @classmethod
    @torch.no_grad()
    def read(cls, model: LanguageModel, rows: Sequence[Sequence[int]]) -> "Replay":
        """Let the untouched base read `rows`, all of one length."""
        ids_BT = torch.tensor([list(row) for row in rows], device=HOST)
        with model.state(None):
            found = [logits(model, ids) for ids in torch.split(ids_BT, ROWS_AT_ONCE)]
        return cls(ids_BT, torch.cat(found))

    def drift(self, model: LanguageModel) -> float:
        return drift_on(model, self.ids_BT, self.logits_BTV)


@torch.no_grad()
def shrink_to_budget(model: LanguageModel, arm: str, unseen: Replay, budget: float) -> float:
    """Scale the adapter down until its drift on `unseen` is within `budget`; return the factor.

    1.0 where the controller has done its work. LoRA's update is linear in B, so that scaling B
    scales the update, and at 0 the model is the base again.
    """
    if unseen.drift(model) <= budget:
        return 1.0
    matrices = {n: p for n, p in lora.weights(model, arm).items() if ".lora_B." in n}
    full = {name: parameter.clone() for name, parameter in matrices.items()}

    def scale_to(factor: float) -> None:
        for name, parameter in matrices.items():
            parameter.copy_(full[name] * factor)

    fits, too_much = 0.0, 1.0
    for _ in range(HALVINGS):
        middle = (fits + too_much) / 2
        scale_to(middle)
        if unseen.drift(model) <= budget:
            fits = middle
        else:
            too_much = middle
    scale_to(fits)
    return fits


HALVINGS = 6  # the factor is found to 1/64
