"""Controls that are trained."""

import pytest
import torch

from litho.learn.micro import train_steps
from litho.model.adapters import lora, updates
from litho.model.adapters.spec import AdapterSpec
from litho.model.loaded import LanguageModel
from tests.builders import TEXT, shake


def test_a_control_is_trained_and_has_the_norms_of_the_change(llama: LanguageModel) -> None:
    shake(llama, "x")
    before = {name: p.clone() for name, p in lora.weights(llama, "x").items()}
    lora.attach(llama, "control", AdapterSpec(rank=2, alpha=4, seed=3, layers=(1,)))
    assert all(".1." in name for name in lora.weights(llama, "control"))
    rows = [llama.encode(TEXT)]
    assert list(train_steps(llama, "control", rows, 3, 1e-2, beside=("x",))) == [1, 2, 3]
    assert all(torch.equal(p, before[name]) for name, p in lora.weights(llama, "x").items())
    # What it does not reach is spread over what it does, as in a random update.
    updates.rescale(llama, "control", {"model.embed_tokens": 7**0.5})
    norms = updates.update_norms(llama, "control")
    assert list(norms.values()) == pytest.approx([1.0] * 7, rel=1e-4)
    updates.rescale(llama, "control", {"self_attn.q_proj": 1.5, "mlp.up_proj": 0.5})
    norms = updates.update_norms(llama, "control")
    assert norms["self_attn.q_proj"] == pytest.approx(1.5, rel=1e-4)
    assert norms["mlp.up_proj"] == pytest.approx(0.5, rel=1e-4)
    assert norms["mlp.down_proj"] == 0
    lora.detach(llama, "control")
    assert llama.adapters == ["x"]
