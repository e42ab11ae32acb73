"""Numbers of many architectures, with plain transformers and PEFT beside them."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from torch import Tensor
from transformers import AutoModelForCausalLM

from litho.learn.losses import backward_text
from litho.measure.inside.states import read_state
from litho.model.adapters import lora
from litho.model.adapters.spec import AdapterSpec
from litho.model.adapters.targets import target_modules
from litho.model.loaded import LanguageModel
from litho.model.loading import load
from litho.model.read.prefixes import read_rows
from litho.model.read.scoring import Target, target_logprobs
from litho.model.sources import locate
from litho.model.state import State
from litho.model.tiny import byte_tokenizer
from tests.builders import TEXT, random_network

HYBRID = {"layer_types": ["conv", "full_attention"]}
EXPERTS = {"num_local_experts": 4, "num_experts_per_tok": 2}
LATENT = {
    "num_key_value_heads": 4,
    "q_lora_rank": 8,
    "kv_lora_rank": 8,
    "qk_rope_head_dim": 4,
    "qk_nope_head_dim": 8,
    "v_head_dim": 8,
    "n_routed_experts": 4,
    "num_experts_per_tok": 2,
    "n_group": 1,
    "topk_group": 1,
    "moe_intermediate_size": 16,
    "first_k_dense_replace": 1,
}
STATES = {"state_size": 8, "num_heads": 8, "head_dim": 8, "n_groups": 1, "chunk_size": 16}
KINDS: Mapping[str, dict[str, Any]] = {
    "llama": {},
    "mistral": {"sliding_window": 16},
    "gemma3_text": {"head_dim": 8, "sliding_window": 16},
    "falcon": {"alibi": False},
    "bloom": {"n_layer": 2, "n_head": 4},
    "opt": {"ffn_dim": 64, "word_embed_proj_dim": 32},
    "gpt_neox": {},
    "mixtral": EXPERTS,
    "gpt_oss": EXPERTS | {"head_dim": 8, "sliding_window": 16},
    "deepseek_v3": LATENT,
    "lfm2": HYBRID,
    "mamba2": STATES,
    "qwen3_next": {
        "layer_types": ["linear_attention", "full_attention"],
        "head_dim": 8,
        "num_experts": 4,
        "num_experts_per_tok": 2,
        "linear_num_value_heads": 4,
        "linear_num_key_heads": 2,
        "linear_key_head_dim": 8,
        "linear_value_head_dim": 8,
    },
}


@pytest.fixture(scope="module", params=KINDS)
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random model of each architecture, with opinions."""
    path = tmp_path_factory.mktemp(request.param)
    network = random_network(request.param, **KINDS[request.param])
    with torch.no_grad():
        for parameter in network.parameters():
            if parameter.dim() > 1:
                parameter.mul_(3)
    network.save_pretrained(path)
    byte_tokenizer().save_pretrained(path)
    return path


@pytest.fixture
def model(folder: Path) -> LanguageModel:
    return load(locate(str(folder)), torch.float32)


@pytest.fixture
def plain(folder: Path) -> Any:  # noqa: ANN401  a model of any class
    found: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    return found.eval()


Plain = Callable[..., Any]


@torch.no_grad()
def logp(plain: Plain, ids: list[int]) -> Tensor:
    found: Tensor = plain(input_ids=torch.tensor([ids]), use_cache=False).logits[0].log_softmax(-1)
    return found


def test_surprise_and_what_is_read_from_a_cache(model: LanguageModel, plain: Plain) -> None:
    ids = model.encode(TEXT)
    expected_TV = logp(plain, ids)
    surprise_T = -expected_TV[:-1].gather(-1, torch.tensor(ids[1:])[:, None])[:, 0]
    found_T = read_state(State(model), ids).predictions.surprise_T
    torch.testing.assert_close(found_T[: len(surprise_T)], surprise_T, atol=1e-5, rtol=1e-5)
    rows = [ids, [*ids[:100], *ids[-9:]]]
    for read in read_rows(model, rows):
        found_TV = read.logits_TV.log_softmax(-1)
        torch.testing.assert_close(found_TV, logp(plain, rows[read.row]), atol=1e-4, rtol=1e-4)
    scored = target_logprobs(model, [Target(tuple(row), 105) for row in rows])
    for row, score in zip(rows, scored, strict=True):
        own_T = logp(plain, row)[104:-1].gather(-1, torch.tensor(row[105:])[:, None])
        assert score == pytest.approx(own_T.mean().item(), abs=1e-5)


def test_a_step_of_lora(model: LanguageModel, plain: Plain) -> None:
    ids = model.encode(TEXT)[:60]
    names = target_modules(model)
    lora.attach(model, "x", AdapterSpec(rank=2, alpha=4, seed=0))
    torch.manual_seed(3)
    ours = lora.weights(model, "x")
    for weight in ours.values():
        weight.data += 0.1 * torch.randn_like(weight)
    wrapped: Any = plain
    config = LoraConfig(r=2, lora_alpha=4, target_modules=names)
    theirs = dict(get_peft_model(wrapped, config, adapter_name="x").named_parameters())
    assert {name for name in theirs if ".lora_" in name} == ours.keys()
    for name, weight in ours.items():
        theirs[name].data.copy_(weight.data)
    with lora.learning(model, "x"):
        loss = backward_text(model, [ids], 256)
    out = plain(input_ids=torch.tensor([ids]), use_cache=False)
    expected = torch.nn.functional.cross_entropy(out.logits[0, :-1], torch.tensor(ids[1:]))
    expected.backward()
    assert loss == pytest.approx(expected.item(), abs=1e-5)
    for name, weight in ours.items():
        gradient = theirs[name].grad
        assert gradient is not None, name
        allowed = 1e-4 * gradient.abs().max().item() + 1e-8
        torch.testing.assert_close(weight.grad, gradient, atol=allowed, rtol=1e-4)
