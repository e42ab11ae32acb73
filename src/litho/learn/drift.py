"""Drift from the untouched model: what it is measured on, and how it is kept within a budget."""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

import torch
from pydantic import BaseModel
from torch import Tensor

from litho.learn.checkpoint import Memory
from litho.learn.losses import ROWS_AT_ONCE, backward_drift, drift_on
from litho.model.adapters import lora
from litho.model.loaded import LanguageModel
from litho.model.placement import HOST
from litho.model.read.scoring import before_head, behind_head, logits
from litho.model.state import State

HEADROOM = 0.85  # aim below the budget: what is measured stands for text that is not
# Change of the weight's logarithm at a measurement, for a drift of twice its aim: by so much for
# each step since the last, up to where a drift that answers at once would begin to swing.
GAIN, GREATEST_GAIN = 0.3, 1.5
MOST = 1.0  # by which it changes at a measurement
LEAST = 20.0  # of the weight: with 5 a page is memorised further, and answers no more questions

# After so many steps all rows are looked at, the beginning of each: some are near the text, and
# these are too few to be found by chance.
SURVEY_AFTER, SURVEYED = 5, 48  # steps, tokens of a row

Rows = Sequence[Sequence[int]]


class DriftController(BaseModel):
    """Integral control in log space: more weight while the drift is above its aim, less below.

    What counts is the drift on rows that are not trained on, measured now and then. `budget` is in
    nats per token. All of the state is in the fields, so that a resumed run goes on as if nothing
    had happened.
    """

    budget: float
    weight: float = 40.0  # strong from the start: what drifts early is not won back
    steps: int = 0  # since the drift was measured
    least: float = LEAST
    greatest: float = 300.0

    @classmethod
    def fixed(cls, weight: float, budget: float) -> "DriftController":
        """One that leaves the weight as it is."""
        return cls(budget=budget, weight=weight, least=weight, greatest=weight)

    def observe(self, drift: float) -> None:
        """Take in the drift on rows that are not trained on."""
        gain = min(GREATEST_GAIN, GAIN * self.steps)
        change = gain * (drift / (HEADROOM * self.budget) - 1)
        factor = math.exp(max(-MOST, min(MOST, change)))
        self.weight = max(self.least, min(self.greatest, self.weight * factor))
        self.steps = 0


@dataclass
class Replay:
    """Rows of text, all of one length, and what the base says on them.

    `counted`: share of them, those that drift least, that the drift is the mean of.
    """

    ids_BT: Tensor
    logits_BTV: Tensor
    counted: float = 1.0

    @classmethod
    def read(cls, model: LanguageModel, rows: Rows | Tensor, counted: float = 1.0) -> "Replay":
        """Let the untouched base read `rows`."""
        ids_BT = _tensor(rows)
        with torch.no_grad(), model.state(None):
            base_logits = [logits(model, ids) for ids in torch.split(ids_BT, ROWS_AT_ONCE)]
        return cls(ids_BT, torch.cat(base_logits), counted)

    def __len__(self) -> int:
        return len(self.ids_BT)

    def part(self, model: LanguageModel, places: Sequence[int]) -> "Replay":
        """Some of the rows."""
        return Replay(self.ids_BT[list(places)], self.logits_BTV[list(places)])

    def drift(self, state: State) -> float:
        """How far a state is from the base on these rows, KL in nats per token."""
        with state.active() as model:
            by_row = sorted(drift_on(model, self.ids_BT, self.logits_BTV))
        return fmean(by_row[: math.ceil(self.counted * len(by_row))])


class UnreadReplay:
    """Rows of which a training draws few: the base reads those when they are first drawn.

    Each is read alone, so that what is drawn with it changes no bit, and what goes into the output
    head is kept for the next time, where the logits can be made of it.
    """

    def __init__(self, ids_BT: Tensor) -> None:
        self.ids_BT = ids_BT
        self._kept: dict[int, Tensor] | None = {}  # none: this model's logits need more

    @classmethod
    def of(cls, rows: Rows) -> "UnreadReplay":
        return cls(_tensor(rows))

    def __len__(self) -> int:
        return len(self.ids_BT)

    @torch.no_grad()
    def part(self, model: LanguageModel, places: Sequence[int]) -> Replay:
        """Some of the rows, read by the untouched base."""
        ids_BT = self.ids_BT[list(places)]
        with model.state(None):
            for place in places:
                self._keep(model, place)
            if self._kept is None:
                return Replay.read(model, ids_BT)
            hidden_BTD = torch.cat([self._kept[place] for place in places])
            return Replay(ids_BT, behind_head(model, hidden_BTD))

    def _keep(self, model: LanguageModel, place: int) -> None:
        if self._kept is None or place in self._kept:
            return
        hidden_BTD = before_head(model, self.ids_BT[place : place + 1])
        if hidden_BTD is None:
            self._kept = None
        else:
            self._kept[place] = hidden_BTD.to(HOST)


def _tensor(rows: Rows | Tensor) -> Tensor:
    if isinstance(rows, Tensor):
        return rows
    return torch.tensor([list(row) for row in rows], device=HOST)


class DriftGuard:
    """Holds a training within its budget of drift.

    In each step a gradient pulls back to the base on a few rows of `replay`, drawn by `seed`, the
    number of the step and how far the model drifted on them before; a controller of its own, which
    begins like `controller`, sets the weight of this pull.
    """

    def __init__(
        self, replay: Replay | UnreadReplay, controller: DriftController, rows: int, seed: int
    ) -> None:
        """`rows`: how many in a step."""
        self.controller = controller.model_copy()
        self._replay, self._rows, self._seed = replay, rows, seed
        self._last: dict[int, float] = {}  # drift of each row when it was last drawn

    @property
    def weight(self) -> float:
        """What the drift counts in the next step, against the loss of the text."""
        return self.controller.weight

    def hold(self, model: LanguageModel, done: int) -> float:
        """Add the gradient that pulls back to the base after `done` steps; return the drift there.

        Nats per token. The model is in the state that learns.
        """
        if done == SURVEY_AFTER:
            self._survey(model)
        chosen = self._drawn(done)
        held = self._replay.part(model, chosen)
        drifts = backward_drift(model, held.ids_BT, held.logits_BTV, self.weight)
        self._last.update(zip(chosen, drifts, strict=True))
        self.controller.steps += 1
        return fmean(drifts)

    def _survey(self, model: LanguageModel) -> None:
        """Measure how far the model drifted on the beginning of each row."""
        ids_BT = self._replay.ids_BT[:, :SURVEYED]
        for start in range(0, len(ids_BT), ROWS_AT_ONCE):
            rows = Replay.read(model, ids_BT[start : start + ROWS_AT_ONCE])
            drifts = drift_on(model, rows.ids_BT, rows.logits_BTV)
            self._last.update(zip(range(start, start + len(drifts)), drifts, strict=True))

    def _drawn(self, done: int) -> list[int]:
        """The rows of a step: those that drifted more when they were last drawn come more often.

        Weighted draws without replacement (Efraimidis & Spirakis 2006). What was never drawn counts
        as the mean of the others, and none less than a quarter of that.
        """
        chance = random.Random(f"{self._seed} replay {done}")
        usual = fmean(self._last.values()) if self._last else 0.0
        if usual <= 0:  # nothing but rounding so far
            usual = 1.0
        weights = [max(self._last.get(i, usual), usual / 4) for i in range(len(self._replay))]
        places = [math.log(1.0 - chance.random()) / weight for weight in weights]
        return sorted(range(len(places)), key=places.__getitem__)[-self._rows :]

    def observe(self, unseen: float) -> None:
        """Take in the drift measured on rows that are not trained on."""
        self.controller.observe(unseen)

    def shrink(self, model: LanguageModel, adapter: str, unseen: Replay) -> float:
        """`shrink_to_budget` to where the drift was aimed at: other text drifts a little more."""
        return shrink_to_budget(model, adapter, unseen, HEADROOM * self.controller.budget)

    def memory(self) -> Memory:
        drawn = [[place, drift] for place, drift in self._last.items()]
        return Memory(values={"controller": self.controller.model_dump(), "drawn": drawn})

    def recall(self, memory: Memory) -> None:
        self.controller = DriftController(**memory.values["controller"])
        self._last = {int(place): drift for place, drift in memory.values["drawn"]}


@torch.no_grad()
def shrink_to_budget(
    model: LanguageModel, arm: str, unseen: Replay, budget: float, first: int = 0
) -> float:
    """Scale the adapter down until its drift on `unseen` is within `budget`; return the factor.

    1.0 where the controller has done its work. LoRA's update is linear in B, so that scaling B
    scales the update, and at 0 the model is the base again. `first`: columns of B that stay.
    """
    state = State(model, (arm,))
    if unseen.drift(state) <= budget:
        return 1.0
    matrices = {n: p for n, p in lora.weights(model, arm).items() if ".lora_B." in n}
    full = {name: parameter.clone() for name, parameter in matrices.items()}

    def scale_to(factor: float) -> None:
        for name, parameter in matrices.items():
            parameter[:, first:] = full[name][:, first:] * factor

    fits, too_much = 0.0, 1.0
    for _ in range(HALVINGS):
        middle = (fits + too_much) / 2
        scale_to(middle)
        if unseen.drift(state) <= budget:
            fits = middle
        else:
            too_much = middle
    scale_to(fits)
    return fits


HALVINGS = 6  # the factor is found to 1/64
