"""A passage as a state reads it, alone or behind others, and how far two readings differ."""

from dataclasses import dataclass

import torch
from torch import Tensor

from litho.measure.inside.geometry import relative
from litho.measure.inside.states import StateReading
from litho.model.read.scoring import kl

# Shapes: L layers, T tokens of the passage, V vocabulary, D width of the residual stream.


@dataclass(frozen=True)
class Passage:
    """Some tokens of a sequence that was read."""

    layers: list[Tensor]  # outputs of the blocks, T x D
    logits_TV: Tensor  # after each token
    surprise_T: Tensor  # of each token, nats

    @classmethod
    @torch.no_grad()
    def of(cls, reading: StateReading, first: int, tokens: int) -> "Passage":
        """The `tokens` tokens from place `first` on, which is not the first of the sequence."""
        end = first + tokens
        with reading.state.active() as model:
            logits_TV = reading.hidden.logits(model, first, end)
        return cls(
            [x_TD[first:end] for x_TD in reading.hidden.residual[1:]],
            logits_TV,
            reading.predictions.surprise_T[first - 1 : end - 1],
        )


@dataclass(frozen=True)
class PassageResponse:
    """How a passage is read in another situation."""

    surprise_T: Tensor  # nats
    kl_T: Tensor  # KL(before || now) of the next-token distribution, nats
    change_LT: Tensor  # ||now - before|| / ||before|| of the residual stream


@torch.no_grad()
def passage_response(before: Passage, now: Passage) -> PassageResponse:
    """Compare two readings of the same tokens."""
    pairs = zip(before.layers, now.layers, strict=True)
    return PassageResponse(
        now.surprise_T,
        kl(before.logits_TV, now.logits_TV).clamp_min(0),
        torch.stack([relative(new_TD - old_TD, old_TD) for old_TD, new_TD in pairs]),
    )
