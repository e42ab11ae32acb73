"""Two states of a model on one text: where and how much the second differs from the first."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from litho.core.errors import LithoError
from litho.measure.response import relative
from litho.model.attention import LayerAttention, divergence, watched
from litho.model.capture import BlockCall, block_calls, hidden_states, rerun_blocks
from litho.model.loading import LanguageModel
from litho.model.scoring import kl

# Shapes: L layers (outputs of blocks, from 0), H heads, T tokens, V vocabulary, D width of the
# residual stream.


@dataclass(frozen=True)
class State:
    """A model, alone or with one of its adapters."""

    model: LanguageModel
    adapter: str | None = None

    @contextmanager
    def active(self) -> Iterator[LanguageModel]:
        with self.model.state(self.adapter):
            yield self.model


@dataclass(frozen=True)
class StateReading:
    """What one state makes of a sequence."""

    ids: list[int]
    opening: int  # tokens at the beginning that are none of the text's
    residual_LTD: Tensor  # L + 1 rows: the first is what block 0 is given
    logits_TV: Tensor
    attention: dict[int, LayerAttention]  # by layer; empty where it cannot be watched

    @property
    def layers_LTD(self) -> Tensor:
        """Outputs of the blocks at the tokens of the text: the opening token, on which most models
        rest their attention, is so large that it would drown all others."""
        return self.residual_LTD[1:, self.opening :]

    @cached_property
    def rank_L(self) -> Tensor:
        """Effective rank of each layer; kept, since one base is compared with many others."""
        return torch.stack([effective_rank(x_TD) for x_TD in self.layers_LTD])

    @property
    def predictions_TV(self) -> Tensor:
        """Logits after each token of the text."""
        return self.logits_TV[self.opening :]


@torch.no_grad()
def read_state(state: State, ids: list[int]) -> StateReading:
    """Read one sequence. Raises LithoError if the state computes a number that is none."""
    layers: dict[int, LayerAttention] = {}
    with state.active() as model, watched(model, layers.__setitem__):
        residual_LTD, logits_TV = hidden_states(model, ids)
    _check_finite(state, residual_LTD, logits_TV)
    return StateReading(ids, len(model.start), residual_LTD, logits_TV, layers)


def _check_finite(state: State, residual_LTD: Tensor, logits_TV: Tensor) -> None:
    bad = (~residual_LTD.isfinite()).any(-1).nonzero()
    if len(bad):
        layer, token = bad[0].tolist()
        place = "the embedding" if layer == 0 else f"layer {layer - 1}"
        raise LithoError(
            f"{state.model.source.name} computes NaN or infinity at {place}, token {token}: "
            "its weights are damaged, or the precision is too low for it"
        )
    bad = (~logits_TV.isfinite()).any(-1).nonzero()
    if len(bad):
        raise LithoError(
            f"{state.model.source.name} computes NaN or infinity in the logits of token "
            f"{bad[0].item()}: its output head is damaged"
        )


@dataclass(frozen=True)
class Difference:
    """How the second state differs from the first on the tokens of one text."""

    kl_T: Tensor  # KL(before || after) of the next-token distribution, nats
    reverse_kl_T: Tensor  # KL(after || before)
    relative_LT: Tensor  # ||after - before|| / ||before|| of the residual stream
    cosine_LT: Tensor
    cka_L: Tensor  # linear CKA, NaN where a layer says the same of every token
    rank_before_L: Tensor  # effective rank
    rank_after_L: Tensor
    attentive: list[int]  # layers whose attention was watched
    js_LHT: Tensor | None  # Jensen-Shannon divergence of attention there, nats; None: none was


@torch.no_grad()
def difference(before: StateReading, after: StateReading) -> Difference:
    """Compare two readings of the same sequence; equal readings differ by exactly nothing."""
    if before.ids != after.ids or before.residual_LTD.shape != after.residual_LTD.shape:
        raise LithoError(
            "the two states cannot be compared: they read other tokens or have other layers"
        )
    old_LTD, new_LTD = before.layers_LTD, after.layers_LTD
    old_TV, new_TV = before.predictions_TV, after.predictions_TV
    js = attention_divergences(before, after)
    return Difference(
        kl_T=kl(old_TV, new_TV).clamp_min(0),
        reverse_kl_T=kl(new_TV, old_TV).clamp_min(0),
        relative_LT=relative(new_LTD - old_LTD, old_LTD),
        cosine_LT=torch.cosine_similarity(old_LTD, new_LTD, dim=-1),
        cka_L=torch.stack([linear_cka(x, y) for x, y in zip(old_LTD, new_LTD, strict=True)]),
        rank_before_L=before.rank_L,
        rank_after_L=after.rank_L,
        attentive=list(js),
        js_LHT=torch.stack(list(js.values())) if js else None,
    )


def attention_divergences(before: StateReading, after: StateReading) -> dict[int, Tensor]:
    """Jensen-Shannon divergence H x T in nats by layer, of the tokens of the text."""
    return {
        i: divergence(before.attention[i], after.attention[i])[:, before.opening :]
        for i in sorted(before.attention.keys() & after.attention.keys())
    }


def linear_cka(x_TD: Tensor, y_TD: Tensor) -> Tensor:
    """Linear centred kernel alignment of two representations of the same tokens, 0 to 1.

    ||Y'X||^2 / (||X'X|| ||Y'Y||) with centred columns and Frobenius norms (Kornblith et al. 2019,
    section 3), in float64. NaN if a representation is constant.
    """
    x, y = (m.double() - m.double().mean(0) for m in (x_TD, y_TD))
    return (y.T @ x).square().sum() / ((x.T @ x).norm() * (y.T @ y).norm())


def effective_rank(x_TD: Tensor) -> Tensor:
    """exp of the entropy of the normalised singular values (Roy & Vetterli 2007), in float64."""
    x = x_TD.double()
    gram = x.T @ x if x.shape[0] >= x.shape[1] else x @ x.T
    values = torch.linalg.eigvalsh(gram).clamp_min(0).sqrt()
    share = values / values.sum()
    return torch.special.entr(share).sum().exp()


@torch.no_grad()
def calls_of(state: State, ids: list[int]) -> list[BlockCall]:
    """What every block is given and answers when `state` reads a sequence."""
    with state.active() as model, block_calls(model) as calls:
        model.network(input_ids=torch.tensor([ids], device=model.device), use_cache=False)
    return calls


@torch.no_grad()
def own_effects(calls: list[BlockCall], after: State) -> Tensor:
    """How differently each block of `after` answers what the first state had given it, L x T.

    ||block'(h) - block(h)|| / ||block(h)||, for all tokens, the opening one included. Unlike
    drift, it does not add up over the depth: a block that was not touched has exactly 0 wherever
    it stands.
    """
    with after.active() as model:
        answers = rerun_blocks(model, calls)
        rows = [
            relative(new[0].float() - call.output[0].float(), call.output[0].float())
            for call, new in zip(calls, answers, strict=True)
        ]
    return torch.stack(rows)
