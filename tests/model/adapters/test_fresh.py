"""Adapters put on and taken off, whatever they are called: a model is left as it was found."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from peft import PeftModel
from safetensors import safe_open

from litho.core.errors import LithoError
from litho.learn.losses import backward_text
from litho.model.adapters import lora, saved, targets, updates
from litho.model.adapters.spec import AdapterSpec
from litho.model.loaded import LanguageModel
from litho.model.read.scoring import logits
from litho.model.state import State
from tests.builders import TEXT, shake

SPEC = AdapterSpec(rank=2)
# What names of a network's own parts and of PEFT's are made of.
NAMES = ("mlp", "layers", "self_attn", "model", "weight", "base_layer", "base_model", "0", "x-1")


def parts(model: LanguageModel) -> dict[str, type]:
    return {name: type(module) for name, module in model.network.named_modules()}


def keys_of(folder: Path) -> dict[str, tuple[int, ...]]:
    with safe_open(folder / "adapter_model.safetensors", "pt") as file:
        return {key: tuple(file.get_slice(key).get_shape()) for key in file.keys()}  # noqa: SIM118


def read(model: LanguageModel, *names: str) -> torch.Tensor:
    with torch.no_grad(), State(model, names).active():
        return logits(model, torch.tensor([model.encode(TEXT[:40])]))


@pytest.mark.parametrize("one_by_one", [True, False])
def test_without_its_last_adapter_a_model_is_as_if_it_had_never_had_one(
    any_model: LanguageModel,
    make_model: Callable[[str], LanguageModel],
    tmp_path: Path,
    one_by_one: bool,
) -> None:
    never = make_model(any_model.network.config.model_type.replace("_", "-"))
    before = parts(any_model)
    assert before == parts(never)
    lora.attach(any_model, "first", SPEC)
    lora.attach(any_model, "second", AdapterSpec(rank=3, layers=(1,)))
    for name in ("first", "second") if one_by_one else (None,):
        lora.detach(any_model, name)
    assert parts(any_model) == before
    assert not any_model.adapters and not any_model.on
    assert not isinstance(any_model.network, PeftModel)
    assert not hasattr(any_model.network, "peft_config")
    assert not any(p.requires_grad for p in any_model.network.parameters())
    assert targets.target_modules(any_model) == targets.target_modules(never)
    # An adapter that comes now is the one that a model gets that never had one.
    for model, folder in ((any_model, "again"), (never, "never")):
        lora.attach(model, "x", SPEC)
        saved.save(model, "x", tmp_path / folder)
    assert keys_of(tmp_path / "again") == keys_of(tmp_path / "never")
    first, second = (tmp_path / f / "adapter_model.safetensors" for f in ("again", "never"))
    assert first.read_bytes() == second.read_bytes()


def test_a_fresh_adapter_is_gone_afterwards_also_after_an_error(llama: LanguageModel) -> None:
    before = parts(llama)
    with lora.fresh(llama, "x", SPEC) as state:
        assert (state.adapters, llama.on) == (("x",), ["x"])
    assert parts(llama) == before
    with pytest.raises(RuntimeError), lora.fresh(llama, "x", SPEC):
        lora.attach(llama, "left behind", SPEC)
        raise RuntimeError
    assert parts(llama) == before
    shake(llama, "there")
    shake(llama, "off")
    plain, found = read(llama), read(llama, "there")
    with llama.state("there"):
        with pytest.raises(RuntimeError), lora.fresh(llama, "x", SPEC) as state, state.active():
            raise RuntimeError
        assert (llama.adapters, llama.on) == (["there", "off"], ["there"])
        assert torch.equal(logits(llama, torch.tensor([llama.encode(TEXT[:40])])), found)
    with llama.state(None), lora.fresh(llama, "x", SPEC):
        assert not llama.on
        assert torch.equal(read(llama), plain)


def test_an_adapter_that_cannot_be_put_on_is_not_on(
    llama: LanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = parts(llama)
    with pytest.raises(LithoError, match="not the same"):
        lora.attach(llama, "x", AdapterSpec(rank=2, keys={"elsewhere": torch.zeros(2, 2)}))
    with monkeypatch.context() as patch:
        patch.setattr(lora, "weights", lambda *_: {})
        with pytest.raises(LithoError, match="PEFT matched 0 modules"):
            lora.attach(llama, "x", SPEC)
    assert parts(llama) == before
    lora.attach(llama, "x", SPEC)
    with pytest.raises(ValueError, match="'x' already"):
        lora.attach(llama, "x", SPEC)


@pytest.mark.parametrize("name", NAMES)
def test_an_adapter_may_have_any_name(llama: LanguageModel, tmp_path: Path, name: str) -> None:
    shake(llama, "plain")
    shake(llama, name)
    renamed = {
        n.replace(".plain.", f".{name}."): p for n, p in lora.weights(llama, "plain").items()
    }
    found = lora.weights(llama, name)
    assert found.keys() == renamed.keys()
    assert all(torch.equal(found[n], renamed[n]) for n in found)
    assert not {id(p) for p in found.values()} & {id(p) for p in renamed.values()}
    assert {lora.layer_of(n) for n in found} == {0, 1, 2}
    assert updates.update_norms(llama, name) == updates.update_norms(llama, "plain")
    for adapter in ("plain", name):
        saved.save(llama, adapter, tmp_path / f"saved {adapter}")
    mine, plain = tmp_path / f"saved {name}", tmp_path / "saved plain"
    assert keys_of(mine) == keys_of(plain)
    assert torch.equal(read(llama, name), read(llama, "plain"))
    expected = read(llama, name)
    lora.detach(llama, name)
    saved.load(llama, name, mine)
    assert torch.equal(read(llama, name), expected)
    with lora.learning(llama, name):
        backward_text(llama, [llama.encode(TEXT)], 64)
    with_gradient = {n for n, p in llama.network.named_parameters() if p.grad is not None}
    assert with_gradient == lora.weights(llama, name).keys()


def test_states_nest_and_are_what_pefts_own_switches_make(any_model: LanguageModel) -> None:
    shake(any_model, "x")
    shake(any_model, "y", scale=0.2)
    ids_BT = torch.tensor([any_model.encode(TEXT[:40])])
    mine = {names: read(any_model, *names) for names in ((), ("x",), ("y",), ("y", "x"))}
    with any_model.state("y"):
        with any_model.state(None), any_model.state(["x", "y"]):
            pass
        assert any_model.on == ["y"]
        assert torch.equal(any_model.network(ids_BT).logits, mine["y",])
    assert any_model.on == ["x"]
    with pytest.raises(RuntimeError), any_model.state(None):
        raise RuntimeError
    assert any_model.on == ["x"]
    with pytest.raises(KeyError, match="z"), any_model.state("z"):
        pass
    with torch.no_grad():
        for names in ((("x"),), ("y",), ("y", "x")):
            any_model.network.base_model.set_adapter(list(names))
            assert torch.equal(any_model.network(ids_BT).logits, mine[names])
        with any_model.network.disable_adapter():
            assert torch.equal(any_model.network(ids_BT).logits, mine[()])


def test_only_what_learns_is_trainable(llama: LanguageModel) -> None:
    keys = {name: torch.ones(2, 32) for name in targets.target_modules(llama, (1,), ("q_proj",))}
    lora.attach(llama, "held", AdapterSpec(2, layers=(1,), kinds=("q_proj",), keys=keys))
    lora.attach(llama, "x", SPEC)

    def trainable() -> set[str]:
        return {n for n, p in llama.network.named_parameters() if p.requires_grad}

    before = trainable()
    for name in ("x", "held"):
        expected = {n for n in lora.weights(llama, name) if name == "x" or ".lora_B." in n}
        assert lora.learned_weights(llama, name).keys() == expected
        with lora.learning(llama, name, [n for n in ("x", "held") if n != name]):
            assert llama.on[-1] == name and len(llama.on) == 2
            assert trainable() == expected
            with llama.state(None), llama.state("x"):
                pass
            assert trainable() == expected  # a state changes nothing of it
        assert trainable() == before and llama.on == ["held"]
