"""What adapters add to the weights: norms, distances, merged ones."""

from collections.abc import Callable

import pytest
import torch
from torch import nn

from litho.core.errors import LithoError
from litho.model.adapters import updates
from litho.model.adapters.channels import equal_rank
from litho.model.loaded import LanguageModel
from tests.builders import shake


def test_an_adapter_that_was_merged_already_is_named(llama: LanguageModel) -> None:
    shake(llama)
    updates.check_unmerged(llama, "x")
    llama.network.merge_adapter(["x"])
    with pytest.raises(LithoError, match="contains this adapter already"):
        updates.check_unmerged(llama, "x")


def test_the_distance_of_two_adapters_is_that_of_the_merged_weights(
    make_model: Callable[[str], LanguageModel],
) -> None:
    model = make_model("llama")
    shake(model, "x")
    shake(model, "y", scale=0.2)
    found = updates.update_norms(model, "y", before="x")
    first, second = (
        model.network.get_submodule("base_model.model.model.layers.1.mlp.up_proj").get_delta_weight(
            name
        )
        for name in ("x", "y")
    )
    assert found.keys() == updates.update_norms(model, "x").keys()
    alone = [
        module.get_delta_weight("y") - module.get_delta_weight("x")
        for path, module in model.network.named_modules()
        if path.endswith("mlp.up_proj")
    ]
    assert len(alone) == 3 and torch.equal(alone[1], second - first)
    expected = torch.stack(alone).norm().item()
    assert found["mlp.up_proj"] == pytest.approx(expected, rel=1e-5)
    assert updates.update_norms(model, "x", before="x")["mlp.up_proj"] == 0


def pack(model: LanguageModel) -> None:
    """Hold the weights of all linear layers of blocks in another shape, as four bits do."""
    for name, module in model.network.named_modules():
        if isinstance(module, nn.Linear) and "layers." in name:
            module.plain = module.weight.detach()
            module.weight = nn.Parameter(module.plain.reshape(-1, 1), requires_grad=False)


def test_weights_in_fewer_bits_are_compared_as_what_they_stand_for(
    make_model: Callable[[str], LanguageModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    model, other = make_model("llama"), make_model("llama")
    with torch.no_grad():
        other.network.get_submodule("model.layers.1.mlp.up_proj").weight.add_(0.5)
    expected = updates.distances(model, other), equal_rank(model, ["mlp.up_proj"], 4)
    monkeypatch.setattr(
        updates, "dequantize_module_weight", lambda m: getattr(m, "plain", getattr(m, "weight", 0))
    )
    pack(model)
    pack(other)
    assert (updates.distances(model, other), equal_rank(model, ["mlp.up_proj"], 4)) == expected
    one = make_model("llama")
    shake(one)
    for module in one.network.modules():
        if isinstance(module, nn.Linear) and hasattr(module, "weight"):
            module.plain = module.weight.detach()
    for path, module in one.network.named_modules():
        if path.endswith("base_layer"):
            module.weight = nn.Parameter(module.plain.reshape(-1, 1), requires_grad=False)
    updates.check_unmerged(one, "x")
