"""Gradients of a batch, row by row."""

import pytest
import torch

from litho.measure.printing.probes import target_of
from litho.model.adapters import lora
from litho.model.adapters.spec import AdapterSpec
from litho.model.loaded import LanguageModel
from litho.model.read.scoring import Target
from litho.model.watch.sample_gradients import sample_gradients
from tests.builders import QUESTIONS, TEXT, random_network


@pytest.mark.parametrize("fresh", [True, False])
def test_gradients_of_a_batch_are_those_of_each_row_alone(
    any_model: LanguageModel, fresh: bool
) -> None:
    check_gradients(any_model, fresh)


def test_layers_may_be_given_all_tokens_in_one_row(llama: LanguageModel) -> None:
    llama.network = random_network("opt", ffn_dim=64, word_embed_proj_dim=32)
    check_gradients(llama, fresh=False)


def check_gradients(any_model: LanguageModel, fresh: bool) -> None:
    lora.attach(any_model, "x", AdapterSpec(2, 4, seed=0))
    weights = lora.weights(any_model, "x")
    if not fresh:
        torch.manual_seed(0)
        for weight in weights.values():
            weight.data.add_(0.1 * torch.randn_like(weight))
    targets = [target_of(any_model, question) for question in QUESTIONS]
    targets.append(Target(tuple(any_model.encode(TEXT)), 1))
    found = {
        i: gradient
        for group, gradients_NP in sample_gradients(any_model, "x", targets)
        for i, gradient in zip(group, gradients_NP, strict=True)
    }
    assert all(weight.grad is None for weight in weights.values())
    for i, target in enumerate(targets):
        ids = torch.tensor([target.ids])
        logp = any_model.network(input_ids=ids, use_cache=False).logits[0].log_softmax(-1)
        labels = ids[0, target.first :, None]
        logp[target.first - 1 : -1].gather(-1, labels).mean().backward()
        alone = torch.cat(
            [weight.grad.flatten() for weight in weights.values() if weight.grad is not None]
        )
        for weight in weights.values():
            weight.grad = None
        assert torch.allclose(found[i], alone, atol=1e-5)
    lora.detach(any_model)
