"""Two states of a model on one text: where and how much the second differs from the first."""

from dataclasses import dataclass

import torch
from torch import Tensor

from litho.core.errors import LithoError
from litho.measure.inside.geometry import Likeness, likeness, relative
from litho.measure.inside.states import (
    Predictions,
    StateReading,
    aligned,
    distributions,
    joined,
    read_state,
)
from litho.model.state import State
from litho.model.watch.attention import ComparedAttention, LayerAttention, compared_attention
from litho.model.watch.capture import answers

# Shapes: L layers (outputs of blocks, from 0), H heads, T tokens, V vocabulary, D width of the
# residual stream.


@dataclass(frozen=True)
class Difference:
    """How the second state differs from the first on the tokens of one text."""

    before: Predictions  # from the opening token on
    after: Predictions
    kl_T: Tensor  # KL(before || after) of the next-token distribution, nats
    reverse_kl_T: Tensor  # KL(after || before)
    relative_LT: Tensor  # ||after - before|| / ||before|| of the residual stream
    cosine_LT: Tensor
    cka_L: Tensor  # linear CKA, NaN where a layer says the same of every token
    rank_before_L: Tensor  # effective rank
    rank_after_L: Tensor
    heads: dict[int, ComparedAttention]  # by layer; empty where attention cannot be watched
    opening: int  # tokens at the beginning of `heads` and predictions that are none of the text's

    @property
    def js_LHT(self) -> Tensor | None:
        """Jensen-Shannon divergence of attention in the watched layers, nats; None: none was."""
        if not self.heads:
            return None
        divergences = [self.heads[layer].divergence_HT for layer in sorted(self.heads)]
        return torch.stack(divergences)[:, :, self.opening :]


@torch.no_grad()
def compare(before: StateReading, after: State) -> Difference:
    """Read the same sequence in another state; equal states differ by exactly nothing.

    Attention is compared layer by layer while the other state reads, and is not kept.
    """
    heads: dict[int, ComparedAttention] = {}

    def watch(layer: int, seen: LayerAttention) -> None:
        if layer in before.attention:
            heads[layer] = compared_attention(before.attention[layer], seen)

    reading = read_state(after, before.ids, watch)
    if len(before.layers) != len(reading.layers):
        raise LithoError("the two states cannot be compared: they have other layers")
    old, new, kl_T, reverse_kl_T = compared_predictions(before, reading)
    pairs = list(zip(before.layers, reading.layers, strict=True))
    layers = Likeness(*map(torch.stack, zip(*(likeness(*pair) for pair in pairs), strict=True)))
    return Difference(
        before=old,
        after=new,
        kl_T=kl_T[before.opening :],
        reverse_kl_T=reverse_kl_T[before.opening :],
        relative_LT=torch.stack([relative(new_TD - old_TD, old_TD) for old_TD, new_TD in pairs]),
        cosine_LT=torch.stack([torch.cosine_similarity(*pair, dim=-1) for pair in pairs]),
        cka_L=layers.cka,
        rank_before_L=layers.first_rank,
        rank_after_L=layers.second_rank,
        heads=heads,
        opening=before.opening,
    )


@torch.no_grad()
def compared_predictions(
    before: StateReading, after: StateReading
) -> tuple[Predictions, Predictions, Tensor, Tensor]:
    """Both states' predictions, KL(before || after) and KL(after || before), each T, in nats."""
    old, new, forward, reverse = [], [], [], []
    for (first, second), followers in aligned(before, after):
        p, q = distributions(first), distributions(second)
        old.append(before.reduced(p, followers))
        new.append(after.reduced(q, followers))
        change = (first - second).sub_(p.normalizer_N1 - q.normalizer_N1)  # of log-probabilities
        forward.append(torch.linalg.vecdot(p.p_NV, change))
        reverse.append(-torch.linalg.vecdot(q.p_NV, change))
    # Rounding can make a divergence of almost nothing negative.
    kl_T, reverse_kl_T = (torch.cat(parts).clamp_min(0) for parts in (forward, reverse))
    return joined(before, old), joined(after, new), kl_T, reverse_kl_T


def attention_differences(
    before: StateReading, after: StateReading
) -> dict[int, ComparedAttention]:
    """The attention of two readings of one sequence, by layer, where both were watched."""
    return {
        i: compared_attention(before.attention[i], after.attention[i])
        for i in sorted(before.attention.keys() & after.attention.keys())
    }


@torch.no_grad()
def own_effects(before: StateReading, after: State) -> Tensor:
    """How differently each block of `after` answers what it was given before, L x T.

    ||block'(h) - block(h)|| / ||block(h)|| at the tokens of the text. Unlike drift, it does not add
    up over the depth: a block that was not touched has exactly 0 wherever it stands.
    """
    residual = before.hidden.residual
    with after.active() as model:
        answered = answers(model, before.ids, residual[:-1])
    rows = [relative(new - old, old) for old, new in zip(residual[1:], answered, strict=True)]
    return torch.stack(rows)[:, before.opening :]
