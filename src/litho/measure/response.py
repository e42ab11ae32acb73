"""Response map: what a text does inside a model, token by token and layer by layer."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from litho.model.attention import AttentionMap, attention_maps
from litho.model.capture import hidden_states
from litho.model.loading import LanguageModel
from litho.model.scoring import kl

# Shapes: L layers, T tokens, V vocabulary, D width of the residual stream.
TOP = 5


@dataclass(frozen=True)
class TokenReading:
    """One token of the text under one state of the model."""

    text: str
    surprise: float | None  # nats; None for the token that nothing predicts
    entropy: float | None  # nats, of the distribution that predicted it
    rank: int | None  # 1: it was the likeliest
    alternatives: list[tuple[str, float]]  # likeliest tokens with their probabilities


@dataclass(frozen=True)
class ResponseMap:
    """One state of the model on one sequence; layer i is the output of block i from 0."""

    tokens: list[TokenReading]
    norm_LT: Tensor  # L2 norm of the residual stream after each block
    change_LT: Tensor  # what the block changed, relative to what it was given
    cosine_LT: Tensor  # between the block's input and output
    attention: dict[int, AttentionMap]  # by layer; empty where it cannot be watched


@dataclass(frozen=True)
class DriftMap:
    """Two states of the model on one sequence."""

    change_LT: Tensor  # ||after - before|| / ||before|| of the residual stream
    kl_T: Tensor  # KL(before || after) of the next-token distribution, nats


@torch.no_grad()
def response_map(model: LanguageModel, text: str) -> ResponseMap:
    """Read `text` in the state that the model is in; memory grows with tokens x vocabulary."""
    ids = model.encode(text)
    with attention_maps(model) as attention:
        states_LTD, logits_TV = hidden_states(model, ids)
    return _map_of(model, text, ids, states_LTD, logits_TV, attention)


@torch.no_grad()
def compared_maps(
    model: LanguageModel, text: str, before: str | None, after: str | None
) -> tuple[ResponseMap, ResponseMap, DriftMap]:
    """Read `text` in two states of the model, and say where the second differs."""
    ids = model.encode(text)
    with model.state(before):
        old_LTD, old_TV = hidden_states(model, ids)
    with model.state(after):
        new_LTD, new_TV = hidden_states(model, ids)
    drift = DriftMap(change_LT=relative(new_LTD - old_LTD, old_LTD)[1:], kl_T=kl(old_TV, new_TV))
    return (
        _map_of(model, text, ids, old_LTD, old_TV, {}),
        _map_of(model, text, ids, new_LTD, new_TV, {}),
        drift,
    )


def _map_of(
    model: LanguageModel,
    text: str,
    ids: list[int],
    states_LTD: Tensor,
    logits_TV: Tensor,
    attention: dict[int, AttentionMap],
) -> ResponseMap:
    given, made = states_LTD[:-1], states_LTD[1:]
    return ResponseMap(
        tokens=read_tokens(model, text, ids, logits_TV),
        norm_LT=made.norm(dim=-1),
        change_LT=relative(made - given, given),
        cosine_LT=torch.cosine_similarity(given, made, dim=-1),
        attention=attention,
    )


def relative(difference: Tensor, base: Tensor) -> Tensor:
    """Norm of `difference` over that of `base`, along the last axis."""
    return difference.norm(dim=-1) / base.norm(dim=-1).clamp_min(1e-12)


def read_tokens(
    model: LanguageModel, text: str, ids: Sequence[int], logits_TV: Tensor
) -> list[TokenReading]:
    """Surprise, entropy, rank and likeliest alternatives of every token of `text`."""
    offset = len(model.start)
    found = []
    for t, piece in enumerate(model.pieces(text)):
        place = t + offset
        if place == 0:
            found.append(TokenReading(piece, None, None, None, []))
            continue
        logp_V = logits_TV[place - 1].log_softmax(-1)
        own = logp_V[ids[place]]
        top = logp_V.topk(TOP)
        alternatives = [
            (model.decode([token]), value)
            for token, value in zip(top.indices.tolist(), top.values.exp().tolist(), strict=True)
        ]
        found.append(
            TokenReading(
                text=piece,
                surprise=-own.item(),
                entropy=-(logp_V.exp() * logp_V).sum().item(),
                rank=int((logp_V > own).sum().item()) + 1,
                alternatives=alternatives,
            )
        )
    return found
