"""What Litho's capture reads, read with other libraries.

Each reader hands over the same: the residual stream after every block; entropy, mean distance,
first-token share and strongest other edge of every head and token; surprise, entropy, rank and
likeliest tokens of every place.
The reductions are Litho's own or, where a library gives probabilities instead of queries and keys,
done in the same blocks: what differs is the way to the arrays, not what is made of them.

All of them need eager attention, since no fused kernel hands out its probabilities.
"""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from typing import Any, NamedTuple

import torch
from torch import Tensor

from litho.measure.inside.states import Predictions, StateReading
from litho.model.loaded import LanguageModel
from litho.model.loading import load
from litho.model.sources import DEFAULT, locate
from litho.model.state import State
from litho.model.watch.attention import STRETCH, AttentionMap, Strongest
from litho.model.watch.capture import HiddenStates

# Shapes: H heads, T tokens, N queries of a block, S tokens seen up to its end, D width of the
# residual stream, V vocabulary.
NAME = "HuggingFaceTB/SmolLM2-135M-Instruct"  # looked up in TransformerLens' table, not downloaded


@dataclass(frozen=True)
class Found:
    """What a peer makes of a sequence."""

    logits_TV: Tensor
    residual: list[Tensor]  # T x D after each block, from 0
    attention: list[AttentionMap]
    predictions: Predictions


def pattern_map(p_HTT: Tensor) -> AttentionMap:
    """Litho's attention_map, from probabilities that are there already."""
    parts = []
    tokens = p_HTT.shape[-1]
    for start in range(0, tokens, STRETCH):
        end = min(start + STRETCH, tokens)
        p_HNS = p_HTT[:, start:end, :end]
        entropy_HN = -torch.linalg.vecdot(p_HNS, p_HNS.clamp_min(1e-38).log_())
        places_S = torch.arange(end, dtype=p_HNS.dtype)
        strongest = p_HNS[..., 1:].max(-1)
        parts.append(
            (
                entropy_HN,
                places_S[start:] - p_HNS @ places_S,
                p_HNS[..., 0].clone(),
                strongest.indices + 1,
                strongest.values,
            )
        )
    entropy, distance, first, *edge = (torch.cat(part, dim=1) for part in zip(*parts, strict=True))
    return AttentionMap(entropy, distance, first, Strongest(*edge))


def whole(
    model: LanguageModel,
    ids: list[int],
    logits_TV: Tensor,
    residual: list[Tensor],
    attention: list[AttentionMap],
) -> Found:
    """Adds Litho's reduction of the logits, which every peer computes for all places at once."""
    hidden = HiddenStates(residual, residual[-1], logits_TV)
    predictions = StateReading(State(model), ids, hidden, {}).predictions
    return Found(logits_TV, residual, attention, predictions)


def fresh_model() -> LanguageModel:
    """A copy of its own for each library: TransformerLens replaces modules in place."""
    return load(locate(DEFAULT), torch.float32)


@cache
def eager() -> LanguageModel:
    model = fresh_model()
    model.network.set_attn_implementation("eager")
    return model


@torch.no_grad()
def outputs(ids: list[int]) -> object:
    """transformers' output_hidden_states and output_attentions as they come, nothing reduced."""
    return eager().network(
        input_ids=torch.tensor([ids]),
        use_cache=False,
        output_hidden_states=True,
        output_attentions=True,
    )


@torch.no_grad()
def outputs_reduced(ids: list[int]) -> Found:
    """The same, reduced. The last block is missing: transformers shows it behind the final norm."""
    found: Any = outputs(ids)
    residual = [x_BTD[0] for x_BTD in found.hidden_states[1:-1]]
    attention = [pattern_map(p_BHTT[0]) for p_BHTT in found.attentions]
    return whole(eager(), ids, found.logits[0], residual, attention)


class Lens(NamedTuple):
    """TransformerLens around a model."""

    model: LanguageModel
    bridge: Any  # TransformerBridge
    residual: list[str]  # names of hooks, block by block
    pattern: list[str]


@cache
def lens() -> Lens:
    model = fresh_model()
    library = importlib.import_module("transformer_lens.model_bridge")
    bridge = library.TransformerBridge.boot_transformers(
        NAME, hf_model=model.network, tokenizer=model.tokenizer, device="cpu"
    )
    blocks = range(bridge.cfg.n_layers)
    return Lens(
        model,
        bridge,
        [f"blocks.{block}.hook_resid_post" for block in blocks],
        [f"blocks.{block}.attn.hook_pattern" for block in blocks],
    )


@torch.no_grad()
def lens_cache(ids: list[int]) -> Found:
    """run_with_cache of what is needed, the way of the library's manual: all patterns are kept."""
    model, bridge, residual, pattern = lens()
    logits_BTV, kept = bridge.run_with_cache(
        torch.tensor([ids]), names_filter=residual + pattern, use_cache=False
    )
    attention = [pattern_map(kept[name][0]) for name in pattern]
    return whole(model, ids, logits_BTV[0], [kept[name][0] for name in residual], attention)


@torch.no_grad()
def lens_hooks(ids: list[int]) -> Found:
    """run_with_cache of the residual stream alone; hooks reduce each pattern where it arises."""
    model, bridge, residual, pattern = lens()
    attention: list[AttentionMap] = []

    def reduce(p_BHTT: Tensor, hook: object) -> None:
        attention.append(pattern_map(p_BHTT[0]))

    with bridge.hooks(fwd_hooks=[(name, reduce) for name in pattern]):
        logits_BTV, kept = bridge.run_with_cache(
            torch.tensor([ids]), names_filter=residual, use_cache=False
        )
    return whole(model, ids, logits_BTV[0], [kept[name][0] for name in residual], attention)


@cache
def envoy() -> tuple[LanguageModel, Any]:
    """nnsight around a model."""
    model = fresh_model()
    model.network.set_attn_implementation("eager")
    library = importlib.import_module("nnsight")
    wrapped = library.TransformersModel(
        model.network, tokenizer=model.tokenizer, task="text-generation"
    )
    return model, wrapped


@torch.no_grad()
def nnsight(ids: list[int]) -> Found:
    """One trace, in which each pattern is reduced where it arises."""
    save = importlib.import_module("nnsight").save
    model, wrapped = envoy()
    # The library runs the lines of the trace while the model runs, so they stay in order of depth.
    with wrapped.trace(input_ids=torch.tensor([ids]), use_cache=False):
        residual, attention = save([]), save([])
        for block in wrapped.model.layers:
            attention.append(pattern_map(block.self_attn.output[1][0]))
            residual.append(block.output[0])
        logits_TV = save(wrapped.lm_head.output[0])
    return whole(model, ids, logits_TV, residual, attention)


# Name of each peer, the module it needs, the reader.
_ALL: list[tuple[str, str, Callable[[list[int]], Found]]] = [
    ("outputs-reduced", "transformers", outputs_reduced),
    ("lens-cache", "transformer_lens", lens_cache),
    ("lens-hooks", "transformer_lens", lens_hooks),
    ("nnsight", "nnsight", nnsight),
]
PEERS = {name: read for name, module, read in _ALL if find_spec(module)}
MISSING = [name for name, _, _ in _ALL if name not in PEERS]
