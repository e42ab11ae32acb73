"""The last place of a row, layer by layer, against plain hooks on a whole row."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from litho.model.loaded import LanguageModel
from litho.model.watch.capture import blocks
from litho.model.watch.last_place import interchanged, read_last, read_out

ROWS = ([5, 9, 11, 40, 7], [5, 9, 12, 30, 7])


def states_of(model: LanguageModel, row: list[int]) -> list[Tensor]:
    """The last place behind every block, as transformers gives it, but for the last norm."""
    kept: list[Tensor] = []

    def keep(_: nn.Module, __: object, output: Any) -> None:  # noqa: ANN401
        kept.append((output if isinstance(output, Tensor) else output[0])[0, -1])

    handles = [block.register_forward_hook(keep) for block in blocks(model)]
    with torch.no_grad():
        model.network(input_ids=torch.tensor([row]), use_cache=False)
    for handle in handles:
        handle.remove()
    return kept


def with_output(model: LanguageModel, row: list[int], layer: int, state_D: Tensor) -> Tensor:
    """Logits behind a row whose last place has another state behind one block."""

    def put(_: nn.Module, __: object, output: Any) -> Any:  # noqa: ANN401
        hidden = (output if isinstance(output, Tensor) else output[0]).clone()
        hidden[0, -1] = state_D
        return hidden if isinstance(output, Tensor) else (hidden, *output[1:])

    handle = blocks(model)[layer].register_forward_hook(put)
    with torch.no_grad():
        logits_V = model.network(input_ids=torch.tensor([row]), use_cache=False).logits[0, -1]
    handle.remove()
    return logits_V


def test_states_and_exchanges_against_one_pass_each(any_model: LanguageModel) -> None:
    own, other = (read_last(any_model, row) for row in ROWS)
    depth = len(blocks(any_model))
    for row, place in zip(ROWS, (own, other), strict=True):
        torch.testing.assert_close(
            place.states_LD[1:], torch.stack(states_of(any_model, row)), atol=1e-5, rtol=1e-4
        )
    given_LV = interchanged(any_model, own, other.states_LD[:-1])
    for layer in range(1, depth):
        slow_V = with_output(any_model, ROWS[0], layer - 1, other.states_LD[layer])
        torch.testing.assert_close(given_LV[layer], slow_V, atol=1e-5, rtol=1e-4)
    read_LV = read_out(any_model, own)
    for layer in range(1, depth + 1):
        slow_V = with_output(any_model, ROWS[0], depth - 1, own.states_LD[layer])
        torch.testing.assert_close(read_LV[layer], slow_V, atol=1e-5, rtol=1e-4)


def test_what_must_not_change(any_model: LanguageModel) -> None:
    own, other = (read_last(any_model, row) for row in ROWS)
    same_LV = interchanged(any_model, own, own.states_LD[:-1])
    expected_LV = own.logits_V.expand_as(same_LV)
    torch.testing.assert_close(same_LV, expected_LV, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(read_out(any_model, own)[-1], own.logits_V, atol=1e-5, rtol=1e-4)
    # Both end with the same token: before the first block there is nothing to exchange.
    first_V = interchanged(any_model, own, other.states_LD[:-1])[0]
    torch.testing.assert_close(first_V, own.logits_V, atol=1e-5, rtol=1e-4)
    with torch.no_grad():
        plain_V = any_model.network(input_ids=torch.tensor([ROWS[0]])).logits[0, -1]
    assert own.logits_V == pytest.approx(plain_V, abs=1e-5)
    assert not any(block._forward_hooks or block._forward_pre_hooks for block in blocks(any_model))
