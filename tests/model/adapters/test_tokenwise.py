"""Which linear layers are in an MLP: by what the parts of a block do."""

from collections.abc import Callable

import pytest

from litho.model.adapters.targets import target_modules
from litho.model.adapters.tokenwise import mlp_kinds
from litho.model.loaded import LanguageModel

KNOWN = {
    "llama": {"mlp.gate_proj", "mlp.up_proj", "mlp.down_proj"},
    "gpt2": {"mlp.c_fc", "mlp.c_proj"},
    "gpt-neox": {"mlp.dense_h_to_4h", "mlp.dense_4h_to_h"},
    "mamba": set(),
}


@pytest.mark.parametrize("name", KNOWN)
def test_mlps_are_known_by_what_they_do(
    make_model: Callable[[str], LanguageModel], name: str
) -> None:
    assert set(mlp_kinds(make_model(name))) == KNOWN[name]


def test_they_are_some_of_the_layers_that_can_be_adapted(any_model: LanguageModel) -> None:
    kinds = mlp_kinds(any_model)
    chosen = target_modules(any_model, kinds=kinds)
    assert set(chosen) <= set(target_modules(any_model))
    assert not any(part in name for name in chosen for part in ("attn.", "attention."))
