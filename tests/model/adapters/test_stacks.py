"""Experts that get no LoRA are named, and their share of the weights."""

import pytest

from litho.model.adapters import lora
from litho.model.adapters.spec import AdapterSpec
from litho.model.adapters.stacks import stacks_notice
from litho.model.loaded import LanguageModel
from tests.builders import random_network


def test_a_model_without_experts_has_none(any_model: LanguageModel) -> None:
    assert stacks_notice(any_model) == []


@pytest.mark.parametrize("on_it", [False, True])
def test_the_share_is_that_of_the_fused_experts(llama: LanguageModel, on_it: bool) -> None:
    llama.network = random_network("mixtral", num_local_experts=4)
    inside = {n: p for n, p in llama.network.named_parameters() if ".layers." in n}
    fused = sum(p.numel() for n, p in inside.items() if ".experts." in n)
    share = fused / sum(p.numel() for p in inside.values())
    if on_it:
        lora.attach(llama, "x", AdapterSpec(rank=1))
    (notice,) = stacks_notice(llama)
    assert f"{share:.0%} of the weights" in notice
    assert "(mlp.experts.down_proj, mlp.experts.gate_up_proj)" in notice
