"""Samples of a model's own."""

from typing import Any

import pytest
import torch
from transformers import GenerationConfig

from litho.core.errors import LithoError
from litho.model.adapters import lora
from litho.model.adapters.spec import AdapterSpec
from litho.model.loaded import LanguageModel
from litho.model.read.restating import restatements
from litho.model.read.sampling import generate, self_samples
from litho.model.read.voices import mixed_samples


def test_self_samples_repeat_by_seed_and_keep_their_openings(any_model: LanguageModel) -> None:
    first = self_samples(any_model, ["", "Once"], 12, seed=3)
    assert first == self_samples(any_model, ["", "Once"], 12, seed=3)
    assert first != self_samples(any_model, ["", "Once"], 12, seed=4)
    assert [len(row) for row in first] == [12, 12]
    assert first[1][:5] == any_model.encode("Once")


SETTINGS: list[dict[str, Any]] = [
    {"temperature": 0.1},
    {"top_k": 1},
    {"top_p": 0.05},
    {"min_p": 0.9},
    {"typical_p": 0.1},
    {"eta_cutoff": 0.5},
    {"repetition_penalty": 5.0},
    {"no_repeat_ngram_size": 1},
    {"encoder_repetition_penalty": 5.0},
    {"bad_words_ids": [[i] for i in range(2, 130)]},
    {"suppress_tokens": list(range(2, 130))},
    {"begin_suppress_tokens": list(range(2, 130))},
    {"sequence_bias": [[[i], 9.0] for i in range(2, 130)]},
    {"forced_bos_token_id": 7},
    {"forced_eos_token_id": 7},
    {"exponential_decay_length_penalty": [1, 9.0]},
    {"watermarking_config": {"bias": 9.0}},
    {"max_length": 3},
    {"max_time": 0.0},
    {"stop_strings": ["a", "e"]},
    {"guidance_scale": 3.0},
    {"do_sample": True, "num_return_sequences": 3},
    {"num_beams": 3},
    {"use_cache": False},
    {"return_dict_in_generate": True},
]


@pytest.mark.parametrize("adapted", [False, True])
def test_settings_of_the_model_shape_no_sample(adapted: bool, llama: LanguageModel) -> None:
    if adapted:
        lora.attach(llama, "x", AdapterSpec(rank=2, alpha=2, seed=0))
    expected = self_samples(llama, ["", "Once"], 8, seed=3)
    for settings in SETTINGS:
        llama.unwrapped.generation_config = GenerationConfig(**settings)
        assert self_samples(llama, ["", "Once"], 8, seed=3) == expected, settings
        left = llama.unwrapped.generation_config
        assert all(getattr(left, name) is not None for name in settings)  # as it was


def test_no_way_of_sampling_heeds_the_settings_of_the_model(llama: LanguageModel) -> None:
    def samples() -> list[list[int]]:
        mixed = mixed_samples(llama, "A mill.", [llama.tokens("On")], 12, 0.5, seed=3)
        said = generate(llama, torch.tensor([llama.encode("On")]), seed=3, max_new_tokens=12)
        return [*mixed, *said.tolist()]

    expected = samples()
    llama.network.generation_config = GenerationConfig(top_p=0.05, repetition_penalty=5.0)
    assert samples() == expected


def test_samples_end_with_the_context(llama: LanguageModel) -> None:
    llama.network.config.max_position_embeddings = 16
    rows = self_samples(llama, ["", "A long opening of a text"], 64, seed=0)
    assert [len(row) for row in rows] == [16, 16]
    with pytest.raises(LithoError, match=r"a sequence of 22 tokens is to be sampled, .* reads 16"):
        generate(llama, torch.zeros(1, 2, dtype=torch.long), 0, max_new_tokens=20)
    assert restatements(llama, "A mill.", "A mill.", lambda said: said, 0) == []
