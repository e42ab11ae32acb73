"""Micro models: written-out derivatives are the true ones, and transformers computes the same."""

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from transformers import AutoModelForCausalLM

from litho.model.codec import of_bytes
from litho.model.loading import load
from litho.model.micro import MicroModel, Shape
from litho.model.micro_functions import EPS, RmsNorm, Rotary, SwiGlu, losses_and_gradient
from litho.model.sources import locate


def moved(shape: Shape) -> MicroModel:
    """A micro model whose norms do something."""
    model = MicroModel(shape, seed=3)
    torch.manual_seed(4)
    for name, weight in model.named_parameters():
        if "norm" in name:
            weight.data.add_(0.2 * torch.randn_like(weight))
    return model


@pytest.mark.parametrize("loops", [1, 3])
def test_transformers_loads_what_was_saved_and_computes_the_same(
    loops: int, tmp_path: Path
) -> None:
    codec = of_bytes()
    model = moved(Shape(codec.vocabulary, 32, d=24, layers=2, heads=3, loops=loops))
    model.save(tmp_path / "model", codec)
    plain = AutoModelForCausalLM.from_pretrained(tmp_path / "model")
    assert plain.config.num_hidden_layers == 2 * loops
    ids_BT = torch.randint(codec.vocabulary, (3, 32))
    with torch.no_grad():
        torch.testing.assert_close(
            model(ids_BT).view(3, 32, -1), plain(input_ids=ids_BT).logits, rtol=1e-4, atol=1e-5
        )
    loaded = load(locate(str(tmp_path / "model")), torch.float32)
    assert loaded.start == [codec.end_id] and loaded.context == 32
    assert loaded.tokenizer("a b")["input_ids"] == codec.encode(["a b"])[0].ids


def test_the_same_seed_gives_the_same_weights() -> None:
    shape = Shape(64, 16, d=16, layers=1, heads=2)
    one, two, three = (MicroModel(shape, seed).embedding for seed in (1, 1, 2))
    assert torch.equal(one, two) and not torch.equal(one, three)


def test_derivatives_are_those_of_the_formulas() -> None:
    torch.manual_seed(0)
    x_ND, weight_D = (
        torch.randn(*s, dtype=torch.float64, requires_grad=True) for s in ((5, 8), (8,))
    )
    assert torch.autograd.gradcheck(RmsNorm.apply, (x_ND, weight_D))
    torch.testing.assert_close(RmsNorm.apply(x_ND, weight_D), F.rms_norm(x_ND, (8,), weight_D, EPS))
    assert torch.autograd.gradcheck(SwiGlu.apply, (x_ND,))
    gate_NF, up_NF = x_ND.chunk(2, -1)
    torch.testing.assert_close(SwiGlu.apply(x_ND), F.silu(gate_NF) * up_NF)
    qkv = torch.randn(2, 4, 3, 2, 6, dtype=torch.float64, requires_grad=True)
    angles = torch.randn(4, 3, dtype=torch.float64)
    turn = torch.polar(torch.ones_like(angles), angles)[:, None, None]
    assert torch.autograd.gradcheck(lambda x: Rotary.apply(x.clone(), turn), (qkv,))
    assert torch.equal(Rotary.apply(qkv.detach().clone(), turn)[:, :, 2], qkv[:, :, 2])


def test_losses_and_their_gradient_are_those_of_cross_entropy() -> None:
    torch.manual_seed(0)
    logits_NV: Tensor = torch.randn(6, 9, requires_grad=True)
    targets_N = torch.tensor([3, -100, 0, 8, -100, 1])
    losses_N, gradient_NV = losses_and_gradient(logits_NV.detach(), targets_N, 0.25)
    plain_N = F.cross_entropy(logits_NV, targets_N, reduction="none", ignore_index=-100)
    torch.testing.assert_close(losses_N, plain_N.detach())
    (expected_NV,) = torch.autograd.grad(0.25 * plain_N.sum(), logits_NV)
    torch.testing.assert_close(gradient_NV, expected_NV)
