"""The residual stream at the last place of a row, layer by layer: read, exchanged, and read out."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from transformers import DynamicCache

from litho.model.loaded import LanguageModel
from litho.model.placement import HOST
from litho.model.read.caches import copied, read_prefix
from litho.model.read.scoring import logits_at
from litho.model.watch.capture import block_input, blocks, residual_stream, with_block_input

# Shapes: L layers, T tokens, D width of the residual stream, V vocabulary.


@dataclass(frozen=True)
class LastPlace:
    """A row of at least two tokens, and the residual stream at its last one."""

    ids: tuple[int, ...]
    before: DynamicCache | None  # of all tokens but the last; None where a model cannot go on
    states_LD: Tensor  # L + 1: what block 0 is given, then the output of every block
    logits_V: Tensor


@torch.no_grad()
def read_last(model: LanguageModel, row: Sequence[int]) -> LastPlace:
    """Read a row once."""
    before = read_prefix(model, row[:-1])
    with residual_stream(model) as states:
        logits_V = _logits(model, row, before, 1)
    states_LD = torch.stack([state[0, -1].float().to(model.device) for state in states])
    return LastPlace(tuple(row), before, states_LD, logits_V[0])


@torch.no_grad()
def interchanged(model: LanguageModel, place: LastPlace, given_LD: Tensor) -> Tensor:
    """Logits L x V where another state is put in at one layer, as what its block is given.

    Interchange intervention (Geiger et al. 2021) at one place: row l has `given_LD[l]` there.
    """
    stack = blocks(model)

    def give(layer: int, args: tuple[Tensor, ...], kwargs: dict[str, Any]) -> Any:  # noqa: ANN401
        hidden = block_input(args, kwargs).clone()
        hidden[layer, -1] = given_LD[layer].to(hidden)
        return with_block_input(args, kwargs, hidden)

    handles = [
        block.register_forward_pre_hook(
            lambda _, args, kwargs, layer=layer: give(layer, args, kwargs), with_kwargs=True
        )
        for layer, block in enumerate(stack)
    ]
    with _removed(handles):
        return _logits(model, place.ids, place.before, len(stack))


@torch.no_grad()
def read_out(model: LanguageModel, place: LastPlace) -> Tensor:
    """Logits (L + 1) x V that the model would answer if each state were its last.

    The logit lens (nostalgebraist 2020): what is behind the last block reads every state.
    """

    def put(_: nn.Module, __: object, output: Tensor | tuple[Any]) -> Tensor | tuple[Any]:
        hidden = (output if isinstance(output, Tensor) else output[0]).clone()
        hidden[:, -1] = place.states_LD.to(hidden)
        return hidden if isinstance(output, Tensor) else (hidden, *output[1:])

    with _removed([blocks(model)[-1].register_forward_hook(put)]):
        return _logits(model, place.ids, place.before, len(place.states_LD))


def _logits(
    model: LanguageModel, row: Sequence[int], before: DynamicCache | None, rows: int
) -> Tensor:
    """Behind the last token of so many equal rows; hooks may make them differ."""
    ids = list(row) if before is None else [row[-1]]
    ids_BT = torch.tensor([ids] * rows, device=HOST)
    last = [(number, len(ids) - 1) for number in range(rows)]
    past = copied(before, rows) if before else None
    return logits_at(model, ids_BT, last, past).float()


@contextmanager
def _removed(handles: Sequence[Any]) -> Iterator[None]:
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
