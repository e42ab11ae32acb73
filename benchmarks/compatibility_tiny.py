"""Tiny random models of every class: a configuration with all of its sizes made small."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from transformers import (
    CONFIG_MAPPING,
    AutoModelForCausalLM,
    PreTrainedConfig,
    PreTrainedModel,
)

from litho.model.tiny import byte_tokenizer

CONTEXT = 256
# Names of fields that are sizes, and how large they become; the first that fits counts.
_SIZES = [
    (r"chunk_size_feed_forward|num_kv_shared_layers", 0),
    (r"keep_window_size", CONTEXT),
    (r"vocab_size(_per_layer_input)?|.*_vocab_size", 258),
    (r"(max_position_embeddings|n_positions|max_seq_len|n_ctx|context_length|seq_length)", CONTEXT),
    (r"original_max_position_embeddings|max_source_positions|max_target_positions", CONTEXT),
    (r"(num_|n_)?(hidden_|encoder_|decoder_)?layers?|(en|de)coder_layers|num_.*_layers", 4),
    (r".*(key_value|kv)_heads?|n_kv_heads?|.*kv_head_num|linear_num_key_heads", 2),
    (r"(qk_|linear_key_|linear_value_|mamba_|attention_)?head_dim|.*_head_dim|d_kv|d_head", 8),
    (r"qk_rope_head_dim|rotary_dim|rope_head_dim", 4),
    (r".*lora_rank", 8),
    (r"(n_|num_).*experts_per_tok(en)?|num_selected_experts|moe_topk|moe_k|top_k(_experts)?", 2),
    (r"(n_|num_)(routed_|local_|linear_)?experts|moe_num_experts|num_local_experts", 4),
    (r"n_shared_experts|num_shared_experts|moe_num_shared_experts", 1),
    (r"n_group|topk_group|n_groups|mamba_n_groups|num_expert_group", 1),
    (r".*(heads|n_head|head_num)", 4),
    (r".*(intermediate|ffn|d_ff|inner|feed_?forward|mlp_dim|hidden_dim).*", 64),
    (r".*(hidden_size|d_model|n_embd|embed_dim|embedding_size|embd|dim_model|_width|_dim)", 32),
    (r"sliding_window|.*window_size|.*chunk_size|chunk_size", 16),
    (r".*state_size|d_state|mamba_d_state|ssm_state_size", 8),
    (r"first_k_dense_replace|num_dense_layers", 1),
]
_TOKENS = {"bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 1, "decoder_start_token_id": 0}
_UNSET = "unset sizes, too"
# What is tried next where the class does not take the sizes above.
_KV = {r".*(key_value|kv)_heads?": 4, r"linear_num_key_heads": 4}
_OTHERWISE: list[dict[str, Any]] = [
    {},
    {_UNSET: True},
    _KV,
    _KV | {_UNSET: True},
    _KV | {_UNSET: True, r"qk_rope_head_dim": 8},
    {r"layer_types": None},
    {r"num_experts_per_tok": 1},
    {r"qk_rope_head_dim": 8},
    {r".*head_dim": None},
    {r".*head_dim": None, r".*(key_value|kv)_heads?": 4},
    {r".*heads?": None, r".*head_dim": None, r".*(hidden_size|d_model|n_embd)": 64},
    {r"num_heads|mamba_n_heads|n_mamba_heads|mamba_num_heads|mamba_heads": 8},
    {r".*layers?": None},
]
# Of these the usual layers are all alike, or more than the few that are built.
_MIXED: dict[str, dict[str, Any]] = {
    "bamba": {"attn_layer_indices": [1, 3]},
    "jamba": {"attn_layer_period": 2, "attn_layer_offset": 1},
    "gpt_neo": {"attention_types": [[["global", "local"], 2]]},
    "reformer": {"is_decoder": True, "attn_layers": ["local"] * 4, "axial_pos_embds_dim": [16, 16]},
    "zamba": {"attention_hidden_size": 64, "attention_head_dim": 16},
    "zamba2": {"attention_hidden_size": 64, "attention_head_dim": 16},
    "granitemoehybrid": {"layer_types": ["mamba", "attention"] * 2},
    "lfm2": {"layer_types": ["conv", "full_attention"] * 2},
    "lfm2_moe": {"layer_types": ["conv", "full_attention"] * 2},
}


def build(kind: str, folder: Path) -> None:
    """Write a random model of a model type with a tokenizer of bytes.

    Raises the first error of the class if it takes none of the sizes that are tried.
    """
    torch.manual_seed(0)
    network = _network(kind)
    with torch.no_grad():
        for parameter in network.parameters():
            if parameter.dim() > 1:  # opinions, so that there is something to measure
                parameter.mul_(3)
    network.save_pretrained(folder)
    byte_tokenizer().save_pretrained(folder)


def _network(kind: str) -> PreTrainedModel:
    first: Exception | None = None
    for config in _configs(CONFIG_MAPPING[kind]):
        try:
            if isinstance(config, Exception):
                raise config
            make: Any = AutoModelForCausalLM.from_config
            network: PreTrainedModel = make(config).eval()
            network(input_ids=torch.arange(2, 12)[None], use_cache=False)
        except Exception as error:
            first = first or error
        else:
            return network
    assert first
    raise first


def _configs(kind: type[PreTrainedConfig]) -> Iterator[PreTrainedConfig | Exception]:
    for otherwise in _OTHERWISE:
        try:
            yield kind(**_small(kind, otherwise))
        except Exception as error:
            yield error


def _small(kind: type[PreTrainedConfig], otherwise: dict[str, Any]) -> dict[str, Any]:
    """Arguments of a configuration: its sizes, made small."""
    usual = kind()
    chosen: dict[str, Any] = {}
    for name, value in usual.to_dict().items():
        if name in kind.sub_configs:
            inner = getattr(usual, name, None)
            chosen[name] = _small(type(inner), otherwise) if inner is not None else None
        elif name in _TOKENS:
            chosen[name] = _TOKENS[name]
        elif type(value) is int or (value is None and _UNSET in otherwise):
            size = _size(name, otherwise)
            if size is not None:
                chosen[name] = size
    settable = not isinstance(getattr(kind, "layer_types", None), property)
    if settable and "layer_types" not in otherwise:
        chosen |= _alternating(getattr(usual, "layer_types", None))
    chosen |= _MIXED.get(usual.model_type, {})
    return chosen


def _alternating(kinds: list[str] | None) -> dict[str, Any]:
    """Four layers among which there is one of each kind, as far as that goes."""
    different = list(dict.fromkeys(kinds or ()))
    return {"layer_types": (different * 4)[:4]} if len(different) > 1 else {}


def _size(name: str, otherwise: dict[str, Any]) -> int | None:
    for pattern, size in [*otherwise.items(), *_SIZES]:
        if re.fullmatch(pattern, name):
            return int(size) if size is not None else None
    return None
