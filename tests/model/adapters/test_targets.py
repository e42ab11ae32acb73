"""Which layers get an adapter follows from trying."""

import pytest
import torch
from torch import nn

from litho.model.adapters import lora, targets
from litho.model.adapters.spec import AdapterSpec
from litho.model.loaded import LanguageModel
from tests.builders import random_network
from tests.model.test_architectures import KINDS

STATES = {"state_size": 8, "intermediate_size": 64}


@pytest.mark.parametrize(
    ("architecture", "barred", "said"),
    [
        ("llama", set(), None),
        ("mamba", {"out_proj", "dt_proj"}, "mixer.dt_proj"),
        ("falcon_mamba", {"out_proj", "dt_proj"}, "mixer.out_proj"),
        ("mamba2", {"out_proj"}, "mixer.out_proj"),
        (
            "deepseek_v3",
            {"gate_proj", "up_proj", "down_proj"},
            "mlp.gate, mlp.shared_experts.gate_proj",
        ),
        ("mixtral", set(), "mlp.gate"),
        ("lfm2", set(), None),
    ],
)
def test_layers_that_take_no_adapter_are_left_out_and_said(
    architecture: str, barred: set[str], said: str | None, llama: LanguageModel
) -> None:
    sizes = KINDS.get(architecture, {} if architecture == "llama" else STATES)
    llama.network = random_network(architecture, **sizes)
    linear = {
        name.rpartition(".")[2]
        for name, module in llama.network.named_modules()
        if isinstance(module, nn.Linear) and ".layers." in name
    }
    names = targets.target_modules(llama)
    assert {name.rpartition(".")[2] for name in names} == linear - barred
    notice = targets.left_out(llama)
    assert notice == [] if said is None else said in notice[0]
    lora.attach(llama, "x", AdapterSpec(rank=2, alpha=4, seed=0))
    assert targets.target_modules(llama) == names and targets.left_out(llama) == notice
    for weight in lora.weights(llama, "x").values():
        weight.data.add_(0.1)
    with lora.learning(llama, "x"):
        llama.network(input_ids=torch.arange(2, 40)[None], use_cache=False).logits.norm().backward()
    assert all(weight.grad is not None for weight in lora.weights(llama, "x").values())
