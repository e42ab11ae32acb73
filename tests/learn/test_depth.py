"""The depth that a text pulls at."""

import pytest
import torch

from litho.learn import depth
from litho.learn.depth import choose_layers
from litho.model.adapters import lora
from litho.model.adapters.spec import AdapterSpec
from litho.model.loaded import LanguageModel
from tests.builders import TEXT


def test_depth_is_where_the_texts_own_gradient_is(any_model: LanguageModel) -> None:
    rows, other = [any_model.encode(TEXT)], [any_model.encode("Quite another text of ten words.")]
    found = choose_layers(any_model, rows, other, seed=0)
    assert sum(found.pull) == pytest.approx(1)
    assert found.layers == (max(range(3), key=found.pull.__getitem__),)
    # What both pull at alike is not the text's own: with the other text in it, it pulls the same.
    mixed = choose_layers(any_model, rows + other, other, seed=0)
    assert mixed.pull == pytest.approx(found.pull, abs=1e-3)
    assert max(found.pull) - min(found.pull) > 0.03
    assert any_model.adapters == []


def test_own_part_is_what_is_orthogonal() -> None:
    own, other = torch.tensor([3.0, 4.0]).double(), torch.tensor([2.0, 0.0]).double()
    assert depth._own_part(own, other).item() == pytest.approx(16)
    assert depth._own_part(own, own).item() == pytest.approx(0)
    assert depth._own_part(own, 0 * other).item() == pytest.approx(25)


def test_gradients_of_the_depth_equal_those_of_autograd(llama: LanguageModel) -> None:
    ids = torch.tensor([llama.encode(TEXT)])
    lora.attach(llama, "depth", AdapterSpec(depth.RANK, 2 * depth.RANK, seed=3))
    found = depth._gradients(llama, [ids[0].tolist()])
    llama.network(input_ids=ids, labels=ids).loss.backward()
    for layer, gradient in found.items():
        expected = torch.cat(
            [
                p.grad.flatten()
                for n, p in lora.weights(llama, "depth").items()
                if ".lora_B." in n and f".layers.{layer}." in n and p.grad is not None
            ]
        )
        torch.testing.assert_close(gradient.float(), expected, atol=1e-6, rtol=1e-4)
    assert sorted(found) == [0, 1, 2]
