"""A saved adapter, read by plain PEFT and read again."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel, TaskType
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

from litho.core.errors import LithoError
from litho.model.adapters import files, lora, saved
from litho.model.adapters.spec import AdapterSpec
from litho.model.loaded import LanguageModel
from litho.model.loading import load
from litho.model.read.scoring import Target, target_logprobs
from tests.adapter_kinds import make_lora
from tests.builders import ROWS, random_network, shake, slow_logprob


def test_adapter_means_the_same_to_plain_peft(any_model: LanguageModel, tmp_path: Path) -> None:
    shake(any_model)
    saved.save(any_model, "x", tmp_path / "adapter")
    target = Target(tuple(any_model.encode(ROWS[1])), 4)
    expected = target_logprobs(any_model, [target])
    base = json.loads((tmp_path / "adapter/adapter_config.json").read_text())
    plain_base = AutoModelForCausalLM.from_pretrained(base["base_model_name_or_path"])
    plain = PeftModel.from_pretrained(plain_base, tmp_path / "adapter")
    other = LanguageModel(any_model.source, plain, any_model.tokenizer)
    assert [slow_logprob(other, target)] == pytest.approx(expected, abs=1e-5)
    again = load(any_model.source, torch.float32)
    saved.load(again, "y", tmp_path / "adapter")
    with again.state("y"):
        assert target_logprobs(again, [target]) == expected
    with again.state(None):
        assert target_logprobs(again, [target]) != expected


def strange(llama: LanguageModel) -> None:
    """Give the configuration of the adapter what JSON cannot hold, as PEFT does at times."""
    config = llama.network.peft_config["x"]
    config.target_parameters, config.exclude_modules = set(), {"lm_head", "embed_tokens"}
    config.task_type = TaskType.CAUSAL_LM


@pytest.mark.parametrize("change", [lambda _: None, strange])
def test_the_configuration_is_what_peft_itself_writes(
    llama: LanguageModel, tmp_path: Path, change: Callable[[LanguageModel], None]
) -> None:
    shake(llama)
    change(llama)
    saved.save(llama, "x", tmp_path / "mine")
    config = llama.network.peft_config["x"]
    config.inference_mode = True
    config.save_pretrained(tmp_path / "plain")
    mine, plain = (
        {
            key: sorted(value) if isinstance(value, list) else value
            for key, value in json.loads((folder / "adapter_config.json").read_text()).items()
        }
        for folder in (tmp_path / "mine", tmp_path / "plain")
    )
    assert mine == plain
    saved.load(llama, "again", tmp_path / "mine")


def test_an_adapter_of_a_model_with_fused_experts_is_read_again(
    llama: LanguageModel, tmp_path: Path
) -> None:
    llama.network = random_network("mixtral", num_local_experts=4)
    shake(llama)
    ids = torch.tensor([llama.encode(ROWS[1])])
    with torch.no_grad():
        expected = llama.network(ids).logits
        saved.save(llama, "x", tmp_path / "adapter")
        plain = PeftModel.from_pretrained(
            random_network("mixtral", num_local_experts=4), tmp_path / "adapter"
        )
        torch.testing.assert_close(plain(ids).logits, expected)
        llama.network, llama.adapters, llama.on = (
            random_network("mixtral", num_local_experts=4),
            [],
            [],
        )
        saved.load(llama, "y", tmp_path / "adapter")
        torch.testing.assert_close(llama.network(ids).logits, expected)


RENAMED: dict[str, Callable[[str], str]] = {
    "a vision model": lambda n: n.replace("model.layers", "model.language_model.layers"),
    "an outer model": lambda n: n.replace("model.model", "model.base_model.model.model"),
    "no prefix": lambda n: n.removeprefix("base_model.model."),
    "another architecture": lambda n: n.replace("model.layers", "transformer.h"),
    "the adapter's name": lambda n: n.replace(".weight", ".default.weight"),
    "other matrices": lambda n: n.replace("lora_A", "lora_down").replace("lora_B", "lora_up"),
    "other numbers": lambda n: n.replace("layers.2", "layers.3"),
    "one letter": lambda n: n.replace("layers.1.mlp.up_proj.lora_B", "layers.1.mlp.up_prj.lora_B"),
    "one more": lambda n: n if "layers.1.mlp.up_proj.lora_B" not in n else f"{n}+",
}


@pytest.mark.parametrize("beside", [False, True])
@pytest.mark.parametrize("case", RENAMED)
def test_tensors_that_fit_by_no_name_are_named(
    make_model: Callable[[str], LanguageModel], tmp_path: Path, case: str, beside: bool
) -> None:
    model, folder = make_model("llama"), tmp_path / "adapter"
    shake(model)
    saved.save(model, "x", folder)
    lora.detach(model)
    before = {n: p.clone() for n, p in model.network.named_parameters()}
    tensors = load_file(folder / "adapter_model.safetensors")
    renamed = {RENAMED[case](n): t for n, t in tensors.items()}
    other = sorted(renamed.keys() - tensors.keys())
    if case == "one more":
        renamed |= tensors
    assert other
    cloned = {n: t.clone() for n, t in renamed.items()}
    save_file(cloned, folder / "adapter_model.safetensors")
    if beside:
        lora.attach(model, "beside", AdapterSpec(rank=2))
    with pytest.raises(LithoError, match="does not fit tiny:llama") as refused:
        saved.load(model, "x", folder)
    assert f"{len(other)} of the {len(renamed)} tensors" in str(refused.value)
    assert other[0] in str(refused.value)
    assert model.adapters == (["beside"] if beside else [])
    if beside:
        lora.detach(model)
    after = dict(model.network.named_parameters())
    assert after.keys() == before.keys()
    assert all(torch.equal(after[n], p) for n, p in before.items())


CHANGES_THE_BASE: tuple[dict[str, Any], ...] = (
    {"init_lora_weights": "pissa"},
    {"init_lora_weights": "olora"},
    {"modules_to_save": ["norm"]},
    {"trainable_token_indices": [5, 6]},
    {"base": "gpt2", "target_modules": ["c_attn"], "bias": "all"},
)


@pytest.mark.parametrize("options", CHANGES_THE_BASE, ids=str)
@pytest.mark.filterwarnings("ignore")
def test_an_adapter_that_changes_the_base_is_seen_whatever_it_says(
    make_model: Callable[[str], LanguageModel],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: dict[str, Any],
) -> None:
    name, folder = make_lora(tmp_path / "adapter", options)
    monkeypatch.setattr(files, "_check_kind", lambda *_: None)
    model = make_model(name.removeprefix("tiny:"))
    expected = {n: p.clone() for n, p in model.network.named_parameters()}
    with pytest.raises(LithoError, match=r"changes (more than its own weights|the base as well)"):
        saved.load(model, "x", folder)
    assert not model.adapters and not model.on
    after = dict(model.network.named_parameters())
    assert after.keys() == expected.keys()
    assert all(torch.equal(after[n], p) for n, p in expected.items())


def test_a_base_with_nan_is_not_taken_for_a_changed_one(
    llama: LanguageModel, tmp_path: Path
) -> None:
    _, folder = make_lora(tmp_path / "adapter", {})
    llama.network.lm_head.weight.data[0, 0] = float("nan")
    saved.load(llama, "x", folder)
    assert llama.adapters == ["x"]
