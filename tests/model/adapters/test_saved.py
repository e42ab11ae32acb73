"""A saved adapter, read by plain PEFT and read again."""

import json
from pathlib import Path

import pytest
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM

from litho.model.adapters import saved
from litho.model.loaded import LanguageModel, load
from litho.model.read.scoring import Target, target_logprobs
from tests.builders import ROWS, shake, slow_logprob


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
