"""Response map: what a text does inside a model, token by token and layer by layer."""

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from litho.measure.inside.difference import compared_predictions
from litho.measure.inside.geometry import relative
from litho.measure.inside.states import Predictions, StateReading, read_state
from litho.model.loaded import LanguageModel
from litho.model.state import State
from litho.model.watch.attention import AttentionMap, LayerAttention, attention_map, unwatched

# Shapes: L layers, T tokens, D width of the residual stream.


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
def response_map(state: State, text: str) -> ResponseMap:
    """Read `text` in one state."""
    attention: dict[int, AttentionMap] = {}

    def reduce(layer: int, seen: LayerAttention) -> None:
        attention[layer] = attention_map(seen)

    reading = read_state(state, state.model.encode(text), reduce)
    return _map_of(reading, text, reading.predictions, attention)


@torch.no_grad()
def compared_maps(
    model: LanguageModel, text: str, before: str | None, after: str | None
) -> tuple[ResponseMap, ResponseMap, DriftMap]:
    """Read `text` in two states of the model, and say where the second differs."""
    ids = model.encode(text)
    states = [State(model, (name,) if name else ()) for name in (before, after)]
    old, new = (read_state(state, ids, unwatched) for state in states)
    old_predictions, new_predictions, kl_T, _ = compared_predictions(old, new)
    pairs = zip(old.hidden.residual[1:], new.hidden.residual[1:], strict=True)
    return (
        _map_of(old, text, old_predictions, {}),
        _map_of(new, text, new_predictions, {}),
        DriftMap(
            torch.stack([relative(new_TD - old_TD, old_TD) for old_TD, new_TD in pairs]), kl_T
        ),
    )


def _map_of(
    reading: StateReading, text: str, predictions: Predictions, attention: dict[int, AttentionMap]
) -> ResponseMap:
    residual = reading.hidden.residual
    steps = list(pairwise(residual))
    return ResponseMap(
        tokens=token_readings(reading.state.model, text, predictions),
        norm_LT=torch.stack([made.norm(dim=-1) for made in residual[1:]]),
        change_LT=torch.stack([relative(made - given, given) for given, made in steps]),
        cosine_LT=torch.stack([torch.cosine_similarity(*step, dim=-1) for step in steps]),
        attention=attention,
    )


def token_readings(model: LanguageModel, text: str, predictions: Predictions) -> list[TokenReading]:
    """The tokens of a text with what was expected in their place."""
    pieces = model.pieces(text)
    # Without an opening token nothing predicts the first one.
    readings = [] if model.start else [TokenReading(pieces[0], None, None, None, [])]
    columns = (column.tolist() for column in predictions)
    for piece, (surprise, entropy, rank, tokens, shares, *_) in zip(
        pieces[len(readings) :], zip(*columns, strict=True), strict=False
    ):
        alternatives = [(model.decode([t]), p) for t, p in zip(tokens, shares, strict=True)]
        readings.append(TokenReading(piece, surprise, entropy, rank, alternatives))
    return readings
