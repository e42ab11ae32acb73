"""Heads that are to read what a teacher's heads read: loss and gradient against plain hooks."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from litho.core.errors import LithoError
from litho.learn.objectives import Batch
from litho.learn.teaching import Taught, read_by_heads
from litho.model.adapters import lora
from litho.model.loaded import LanguageModel
from litho.model.watch.capture import blocks
from tests.builders import gradients, shake

ROWS = [[1, 9, 8, 7, 3], [1, 9, 8, 6, 3, 4], [1, 5, 5, 2, 3]]


def slow(model: LanguageModel, rows: list[list[int]]) -> Tensor:
    """What is given to the projection behind the heads, at the last place but one; B x L x W."""
    read = []
    for row in rows:
        given: list[Tensor] = []
        behind = [block.get_submodule("self_attn.o_proj") for block in blocks(model)]
        handles = [
            each.register_forward_pre_hook(lambda _, args, given=given: given.append(args[0]))
            for each in behind
        ]
        model.network(input_ids=torch.tensor([row[:-1]]), use_cache=False)
        for handle in handles:
            handle.remove()
        read.append(torch.stack([each[0, -1] for each in given]))
    return torch.stack(read)


def test_what_heads_read_against_plain_hooks(llama: LanguageModel) -> None:
    with torch.no_grad(), llama.state(None):
        found = read_by_heads(llama, [row[:-1] for row in ROWS])
        torch.testing.assert_close(found, slow(llama, ROWS), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("micro_tokens", [8, 512])
def test_loss_and_gradient_against_the_formula(llama: LanguageModel, micro_tokens: int) -> None:
    shake(llama, "teacher", 0.3)
    shake(llama, "pupil", 0.1)
    with torch.no_grad(), llama.state("teacher"):
        wanted = slow(llama, ROWS)
    with torch.enable_grad(), lora.learning(llama, "pupil"):
        missed = (slow(llama, ROWS) - wanted).square().sum((0, 2))
        expected = (missed / (wanted - wanted.mean(0)).square().sum((0, 2))).mean()
        expected.backward()
        plain = gradients(llama, "pupil")
        noted: list[float] = []
        loss = Taught("teacher", noted.extend)(Batch(llama, ROWS, micro_tokens, 0.0))
        found = gradients(llama, "pupil")
    assert loss == pytest.approx(expected.item(), rel=1e-4)
    assert sum(noted) / len(noted) == pytest.approx(loss)
    assert found.keys() == plain.keys()
    for name, gradient in plain.items():
        torch.testing.assert_close(found[name], gradient, atol=1e-5, rtol=1e-3)


def test_a_teacher_of_itself_has_nothing_to_teach(llama: LanguageModel) -> None:
    shake(llama, "same", 0.3)
    with torch.enable_grad(), lora.learning(llama, "same"):
        assert Taught("same")(Batch(llama, ROWS, 512, 0.0)) < 1e-9


def test_a_model_without_attention_has_no_heads(
    make_model: Callable[[str], LanguageModel],
) -> None:
    mamba = make_model("mamba")
    with pytest.raises(LithoError, match="choose another objective than teacher"):
        read_by_heads(mamba, [[1, 2, 3]])
