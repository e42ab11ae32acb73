"""Adapters of every kind that the installed PEFT makes, and what Litho does with each of them.

Either its numbers are those of plain transformers and PEFT, or it refuses the adapter in one
sentence. The tests walk over all kinds, and so does `benchmarks/compatibility_adapters.py`.
"""

import warnings
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, PeftConfig, PeftModel, PeftType, get_peft_model
from peft.mapping import PEFT_TYPE_TO_CONFIG_MAPPING
from torch import Tensor
from transformers import AutoModelForCausalLM

from litho.core.errors import LithoError
from litho.jobs.diff.pair import Change, open_pair
from litho.jobs.models import Models
from litho.measure.inside.difference import compare
from litho.measure.inside.response import response_map
from litho.measure.inside.states import read_state
from litho.model.adapters import saved
from litho.model.loaded import LanguageModel
from litho.model.loading import load
from litho.model.sources import locate
from litho.model.state import State
from litho.model.tiny import byte_tokenizer
from tests.builders import ARCHITECTURES, random_network

TEXT = "The clock of Ostrava was built by Marek Dolny in 1931."
CLOSE = 1e-5  # nats
AGREES = "agrees"
_LINEAR = {"target_modules": ["q_proj", "v_proj", "down_proj"]}

LORA: dict[str, dict[str, Any]] = {
    "plain": {},
    "all-linear": {"target_modules": "all-linear"},
    "names as a pattern": {"target_modules": r".*layers\.[12]\.mlp\.(up|down)_proj"},
    "exclude_modules": {"exclude_modules": r".*layers\.0\..*"},
    "layers_to_transform": {"layers_to_transform": [1]},
    "rank_pattern, alpha_pattern": {
        "rank_pattern": {"v_proj": 2},
        "alpha_pattern": {"q_proj": 5, "layers.1.mlp.down_proj": 1},
    },
    "dropout": {"lora_dropout": 0.5},
    "rslora": {"use_rslora": True},
    "dora": {"use_dora": True},
    "one weight as a parameter": {"target_modules": [], "target_parameters": ["q_proj.weight"]},
    "embedding": {"target_modules": ["q_proj", "embed_tokens"]},
    "head": {"target_modules": ["q_proj", "lm_head"]},
    "head of tied embeddings": {"base": "tied", "target_modules": ["q_proj", "lm_head"]},
    "head and embedding, tied": {
        "base": "tied",
        "target_modules": ["q_proj", "lm_head", "embed_tokens"],
        "ensure_weight_tying": True,
    },
    "fused experts": {"base": "mixtral", "target_parameters": ["mlp.experts.gate_up_proj"]},
    "layers around experts": {"base": "mixtral", "target_modules": ["q_proj", "v_proj"]},
    "lora_bias": {"lora_bias": True},
    "bias=all": {"base": "gpt2", "target_modules": ["c_attn"], "bias": "all"},
    "bias=lora_only": {"base": "gpt2", "target_modules": ["c_attn"], "bias": "lora_only"},
    "layers of GPT-2": {"base": "gpt2", "target_modules": ["c_attn", "c_fc"]},
    "modules_to_save": {"modules_to_save": ["norm"]},
    "modules_to_save=lm_head": {"modules_to_save": ["lm_head"]},
    "trainable_token_indices": {"trainable_token_indices": [5, 6]},
    "layer_replication": {"layer_replication": [(0, 2), (1, 3)]},
    "alora": {"alora_invocation_tokens": [70, 71]},
    **{
        f"init={begun}": {"init_lora_weights": begun}
        for begun in ("gaussian", "orthogonal", "eva", "olora", "pissa", "pissa_niter_4", "mica")
    },
}
OTHERS = tuple(kind.value for kind in PeftType if kind is not PeftType.LORA)


@dataclass(frozen=True)
class Outcome:
    """What `map` and `diff` make of an adapter: `AGREES`, or the sentence that refuses it."""

    map: str
    diff: str


def walk(folder: Path) -> Iterator[tuple[str, Outcome]]:
    """The outcome of every kind, by its name; adapters are written into `folder`."""
    for number, (name, options) in enumerate(LORA.items()):
        yield f"LoRA, {name}", outcome(*make_lora(folder / f"lora-{number}", options))
    for kind in OTHERS:
        yield kind, outcome(*make_other(folder / kind, kind))


def make_lora(folder: Path, given: dict[str, Any]) -> tuple[str, Path]:
    """Write a LoRA adapter with random weights for a tiny model; the model's name, and folder."""
    options: dict[str, Any] = {"r": 4, "lora_alpha": 8, "task_type": "CAUSAL_LM"}
    options |= _LINEAR | given
    base = _base(options.pop("base", "llama"), folder.with_name(f"{folder.name}-base"))
    return _made(folder, base, LoraConfig(**options))


def make_other(folder: Path, kind: str) -> tuple[str, Path]:
    """Write an adapter of another kind, or just its configuration where PEFT needs more for it."""
    made = PEFT_TYPE_TO_CONFIG_MAPPING[PeftType(kind)]
    options: list[dict[str, Any]] = [
        {"task_type": "CAUSAL_LM"} | more
        for more in (_LINEAR, _LINEAR | {"feedforward_modules": ["down_proj"]}, {"r": 4}, {})
    ]
    options.append({"task_type": "CAUSAL_LM", "num_virtual_tokens": 3})
    for given in options:
        try:
            return _made(folder, "tiny:llama", made(**given))
        except Exception:  # each kind asks for something else
            continue
    name, folder = make_lora(folder, {})
    config = PeftConfig(task_type="CAUSAL_LM")
    config.peft_type = PeftType(kind)
    config.save_pretrained(str(folder))
    return name, folder


def _base(name: str, folder: Path) -> str:
    """A tiny model by its architecture, or another one, which is written into `folder`."""
    if name in ARCHITECTURES:
        return f"tiny:{name}"
    options = {"num_local_experts": 4, "num_experts_per_tok": 2}
    if name == "tied":
        name, options = "llama", {"tie_word_embeddings": True}
    random_network(name, bos_token_id=0, eos_token_id=1, **options).save_pretrained(folder)
    byte_tokenizer().save_pretrained(folder)
    return str(folder)


def _made(folder: Path, base: str, config: PeftConfig) -> tuple[str, Path]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.manual_seed(1)
        network = get_peft_model(_plain(base), config)
        with torch.no_grad():
            for weight in network.parameters():
                if weight.requires_grad:
                    weight.add_(0.1 * torch.randn_like(weight))
        network.save_pretrained(str(folder))
    return base, folder


def _plain(name: str) -> Any:  # noqa: ANN401  transformers' annotations are incomplete
    return deepcopy(_loaded_plain(name))


@cache
def _loaded_plain(name: str) -> Any:  # noqa: ANN401
    return AutoModelForCausalLM.from_pretrained(locate(name).folder, dtype=torch.float32).eval()


def _model(name: str) -> LanguageModel:
    return deepcopy(_loaded(name))


@cache
def _loaded(name: str) -> LanguageModel:
    return load(locate(name), torch.float32)


def outcome(name: str, folder: Path) -> Outcome:
    """What `map` and `diff` do with the adapter of a model.

    Raises AssertionError where the numbers are not those of plain PEFT and nothing is said.
    """
    return Outcome(_said(lambda: check_map(name, folder)), _said(lambda: check_diff(name, folder)))


def _said(check: Callable[[], None]) -> str:
    try:
        check()
    except LithoError as error:
        return str(error)
    return AGREES


def plain_logprobs(name: str, ids: list[int], folder: Path | None) -> Tensor:
    """Log-probabilities T x V of plain transformers and PEFT."""
    network = _plain(name)
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        if folder:
            network = PeftModel.from_pretrained(network, folder).eval()
        return network(input_ids=torch.tensor([ids])).logits[0].log_softmax(-1)


def check_map(name: str, folder: Path) -> None:
    """`map` reads the surprise of every token as plain PEFT gives it."""
    model = _model(name)
    saved.load(model, "adapter", folder)
    tokens = response_map(State(model, ("adapter",)), TEXT).tokens
    ids = model.encode(TEXT)
    logp_TV = plain_logprobs(name, ids, folder)
    expected = [-logp_TV[t - 1, ids[t]] for t in range(1, len(ids))]
    read = torch.tensor([token.surprise for token in tokens if token.surprise is not None])
    torch.testing.assert_close(read, torch.stack(expected), atol=CLOSE, rtol=0)


def check_diff(name: str, folder: Path) -> None:
    """`diff` finds the KL of every token between two models that are loaded apart."""
    models = Models()
    models.hold(_model(name))
    pair = open_pair(name, str(folder), models, TEXT)
    assert isinstance(pair, Change) and pair
    model = pair.before.model
    ids = model.encode(TEXT)
    read = compare(read_state(pair.before, ids), pair.after)
    before, after = (plain_logprobs(name, ids, each) for each in (None, folder))
    expected = (before.exp() * (before - after)).sum(-1)[len(model.start) :]
    torch.testing.assert_close(read.kl_T, expected, atol=CLOSE, rtol=0)
