"""A state of a model, and what it makes of a sequence."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import torch
from torch import Tensor

from litho.core.errors import LithoError
from litho.measure.inside.geometry import effective_rank
from litho.model.placement import HOST
from litho.model.read.scoring import chunks
from litho.model.state import State
from litho.model.watch.attention import LayerAttention, Watcher, watched
from litho.model.watch.capture import PLACES, HiddenStates, hidden_states

# Shapes: L layers (outputs of blocks, from 0), T places of a sequence, N of them at a time, V
# vocabulary, K alternatives, D width of the residual stream.
TOP = 5
STRETCH = 64  # tokens of the vocabulary whose largest probability is found at once


class Predictions(NamedTuple):
    """The next-token distribution after each place, reduced; what follows the last is unknown."""

    surprise_T: Tensor  # of the token that did follow, nats
    entropy_T: Tensor
    rank_T: Tensor  # 1: the token that did follow was the likeliest
    top_TK: Tensor  # likeliest tokens
    probability_TK: Tensor
    end_T: Tensor  # probability of the end of text; 0 where the tokenizer has no such token
    spread_T: Tensor  # standard deviation of the logits over the vocabulary


class Distributions(NamedTuple):
    """Next-token distributions of some places."""

    logits_NV: Tensor
    p_NV: Tensor
    normalizer_N1: Tensor  # log sum exp of the logits
    likeliest_NK: Tensor
    probability_NK: Tensor  # of the likeliest tokens


@dataclass(frozen=True)
class StateReading:
    """What one state makes of a sequence."""

    state: State
    ids: list[int]
    hidden: HiddenStates
    attention: dict[int, LayerAttention]  # by layer; empty where it was not or cannot be watched

    @property
    def opening(self) -> int:
        """Tokens at the beginning that are none of the text's."""
        return len(self.state.model.start)

    @property
    def layers(self) -> list[Tensor]:
        """Outputs of the blocks, T x D, at the tokens of the text: the opening token, on which most
        models rest their attention, is so large that it would drown all others."""
        return [x_TD[self.opening :] for x_TD in self.hidden.residual[1:]]

    @cached_property
    def rank_L(self) -> Tensor:
        """Effective rank of each layer; kept, since one base is compared with many others."""
        return torch.stack([effective_rank(x_TD) for x_TD in self.layers])

    def logits(self) -> Iterator[Tensor]:
        """Logits of all places, some of them at a time, N x V."""
        for start in range(0, len(self.ids), PLACES):
            with torch.no_grad(), self.state.active() as model:
                logits_NV = self.hidden.logits(model, start, start + PLACES)
            yield logits_NV

    @cached_property
    def predictions(self) -> Predictions:
        """What the state expects at every place; kept, as `rank_L` is."""
        parts = []
        for (logits,), followers in aligned(self):
            parts.append(self.reduced(distributions(logits), followers))
        return joined(self, parts)

    def reduced(self, expected: Distributions, followers_N1: Tensor) -> Predictions:
        """Some places' distributions and the tokens that followed, reduced."""
        own_N1 = expected.logits_NV.gather(-1, followers_N1)
        # As numbers, which are counted several times as fast as truth values.
        likelier_NV = torch.gt(expected.logits_NV, own_N1, out=torch.empty_like(expected.logits_NV))
        end = self.state.model.end
        mean_logit_N1 = torch.linalg.vecdot(expected.p_NV, expected.logits_NV)[:, None]
        return Predictions(
            surprise_T=(expected.normalizer_N1 - own_N1)[:, 0],
            entropy_T=(expected.normalizer_N1 - mean_logit_N1)[:, 0].clamp_min_(0),
            rank_T=likelier_NV.sum(-1).long() + 1,
            top_TK=expected.likeliest_NK,
            probability_TK=expected.probability_NK,
            end_T=torch.zeros_like(own_N1[:, 0]) if end is None else expected.p_NV[:, end].clone(),
            spread_T=_standard_deviation(expected.logits_NV),
        )


def distributions(logits_NV: Tensor) -> Distributions:
    """What some places expect. Their softmax has summed up already what normalizes the logits."""
    p_NV = logits_NV.softmax(-1)
    values_NK, tokens_NK = _likeliest(p_NV)
    normalizer_N1 = logits_NV.gather(-1, tokens_NK[:, :1]) - values_NK[:, :1].log()
    return Distributions(logits_NV, p_NV, normalizer_N1, tokens_NK, values_NK)


def _likeliest(p_NV: Tensor) -> tuple[Tensor, Tensor]:
    """The `TOP` largest values, the largest first, and their indices, both N x TOP.

    They lie in the `TOP` stretches with the largest maxima, and maxima cost a fraction of indices.
    """
    if p_NV.shape[-1] % STRETCH or p_NV.shape[-1] < STRETCH * TOP:
        values, tokens = p_NV.topk(TOP)
        return values, tokens
    stretches = p_NV.view(len(p_NV), -1, STRETCH)
    best_NK = stretches.amax(-1).topk(TOP).indices
    rows_N1 = torch.arange(len(p_NV), device=p_NV.device)[:, None]
    values, within = stretches[rows_N1, best_NK].flatten(1).topk(TOP)
    stretch_NK = best_NK.gather(-1, within // STRETCH)
    return values, stretch_NK * STRETCH + within % STRETCH


def _standard_deviation(values_NV: Tensor) -> Tensor:
    """Along the last axis; several times as fast as torch's own, and good to about 1e-5."""
    square_N = torch.linalg.vector_norm(values_NV, dim=-1).square() / values_NV.shape[-1]
    return (square_N - values_NV.mean(-1).square()).clamp_min_(0).sqrt_()


def aligned(*readings: StateReading) -> Iterator[tuple[tuple[Tensor, ...], Tensor]]:
    """Logits of readings of one sequence, N x V each, and the tokens that followed, N x 1.

    As many places at a time as fit into a cache; what stands for the token after the last place is
    not to be looked at.
    """
    followers_T1 = torch.tensor([*readings[0].ids[1:], 0], device=HOST)[:, None]
    start = 0
    for pieces in zip(*(reading.logits() for reading in readings), strict=True):
        for logits in chunks(*pieces):
            end = start + len(logits[0])
            yield logits, followers_T1[start:end].to(logits[0].device)
            start = end


def joined(reading: StateReading, parts: list[Predictions]) -> Predictions:
    """The places of several parts, one part after the other.

    Raises LithoError if a logit was no number, which shows in the entropy.
    """
    predictions = Predictions(*map(torch.cat, zip(*parts, strict=True)))
    bad = (~predictions.entropy_T.isfinite()).nonzero()
    if len(bad):
        raise LithoError(
            f"{reading.state.model.source.name} computes NaN or infinity in the logits of token "
            f"{bad[0].item()}: its output head is damaged"
        )
    return predictions


@torch.no_grad()
def read_state(state: State, ids: list[int], watcher: Watcher | None = None) -> StateReading:
    """Read one sequence; `watcher` sees the attention of each layer instead of its being kept.

    Raises LithoError if the state computes a number that is none.
    """
    layers: dict[int, LayerAttention] = {}
    with state.active() as model, watched(watcher or layers.__setitem__):
        hidden = hidden_states(model, ids)
    for number, x_TD in enumerate(hidden.residual):
        bad = (~x_TD.sum(-1).isfinite()).nonzero()
        if len(bad):
            place = "the embedding" if number == 0 else f"layer {number - 1}"
            raise LithoError(
                f"{model.source.name} computes NaN or infinity at {place}, token {bad[0].item()}: "
                "its weights are damaged, or the precision is too low for it"
            )
    return StateReading(state, ids, hidden, layers)
