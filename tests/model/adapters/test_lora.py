"""Adapters are switched, trained and taken away; nothing else moves."""

import torch

from litho.learn.losses import backward_text
from litho.model.adapters import lora
from litho.model.adapters.spec import AdapterSpec
from litho.model.loaded import LanguageModel
from litho.model.read.scoring import Target, target_logprobs
from tests.builders import ROWS, shake


@torch.no_grad()
def test_a_state_is_that_of_the_adapter_that_has_the_name_now(any_model: LanguageModel) -> None:
    shake(any_model)
    lora.attach(any_model, "other", AdapterSpec(rank=2, alpha=4, seed=0))
    target = Target(tuple(any_model.encode(ROWS[1])), 4)

    def read(state: str | None) -> list[float]:
        with any_model.state(state):
            return target_logprobs(any_model, [target])

    plain, shaken = read(None), read("x")
    assert read("x") == shaken != plain == read("other")
    assert read("x") == shaken
    lora.detach(any_model, "x")
    lora.attach(any_model, "x", AdapterSpec(rank=2, alpha=4, seed=0))
    assert read("x") == plain


def test_training_moves_every_trainable_weight_and_no_other(any_model: LanguageModel) -> None:
    before = {n: p.detach().clone() for n, p in any_model.network.named_parameters()}
    lora.attach(any_model, "x", AdapterSpec(rank=4, alpha=8, seed=0))
    weights = lora.weights(any_model, "x")
    start = {n: p.detach().clone() for n, p in weights.items()}
    optimizer = torch.optim.AdamW(weights.values(), lr=0.01)
    for _ in range(2):  # in the first step only B has a gradient
        backward_text(any_model, [any_model.encode(row) for row in ROWS], 512)
        optimizer.step()
        optimizer.zero_grad()
    assert weights and all(not torch.equal(p, start[n]) for n, p in weights.items())
    assert all(p.dtype == torch.float32 for p in weights.values())
    lora.detach(any_model)
    after = dict(any_model.network.named_parameters())
    assert after.keys() == before.keys()
    assert all(torch.equal(after[n], p) for n, p in before.items())
