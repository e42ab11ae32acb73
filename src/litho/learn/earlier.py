"""Pages that an adapter carries already are held while others are printed beside them."""

import random
from dataclasses import dataclass

import torch
from torch import Tensor

from litho.learn.drift import (
    HEADROOM,
    DriftController,
    DriftGuard,
    Replay,
    UnreadReplay,
    shrink_to_budget,
)
from litho.learn.losses import backward_drift
from litho.model.loaded import LanguageModel
from litho.model.read.scoring import logits
from litho.model.state import State


@dataclass(frozen=True)
class EarlierPages:
    """What an adapter carries that lies in the first columns of the one that is trained."""

    adapter: str  # its name on the model
    rank: int
    ids_BT: Tensor  # rows of its pages


class EarlierGuard(DriftGuard):
    """Holds what the model with an earlier adapter says of its pages, besides the drift."""

    def __init__(
        self,
        replay: Replay | UnreadReplay,
        controller: DriftController,
        rows: int,
        seed: int,
        pages: EarlierPages,
    ) -> None:
        super().__init__(replay, controller, rows, seed)
        self._pages, self._at_once, self._chance = pages, min(rows, len(pages.ids_BT)), seed

    def hold(self, model: LanguageModel, done: int) -> float:
        """As for any drift; the pull on the pages weighs as much as that on other text."""
        drift = super().hold(model, done)
        chance = random.Random(f"{self._chance} earlier {done}")
        ids_BT = self._pages.ids_BT[chance.sample(range(len(self._pages.ids_BT)), self._at_once)]
        with torch.no_grad(), model.state(self._pages.adapter):
            said_BTV = logits(model, ids_BT)
        backward_drift(model, ids_BT, said_BTV, self.weight)
        return drift

    def shrink(self, model: LanguageModel, adapter: str, unseen: Replay) -> float:
        """Scale what is new; not at all where the earlier pages alone drift by more than that."""
        aim = HEADROOM * self.controller.budget
        if unseen.drift(State(model, (self._pages.adapter,))) > aim:
            return 1.0
        return shrink_to_budget(model, adapter, unseen, aim, self._pages.rank)
