"""Which linear layers are queries and keys, the rest of attention, or MLPs: found by trying."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from litho.core.errors import LithoError
from litho.model import trial
from litho.model.adapters.targets import target_modules
from litho.model.loaded import LanguageModel
from litho.model.watch.attention import LayerAttention, watched

NUDGE = 1.0  # added to all that a layer says


class _Found(NamedTuple):
    queries: set[str]  # names of layers, within their block
    keys: set[str]
    others: set[str]


def channel_kinds(model: LanguageModel, channels: str) -> tuple[str, ...] | None:
    """The kinds of layers that `qk`, `qkvo`, `mlp` or `all` names; None: all.

    A layer belongs to the queries or keys where these change if it says something else; to the rest
    of attention where it stands beside such a layer. Raises LithoError where the model's attention
    cannot be watched, or where queries and keys are made by a layer that makes the values, too.
    """
    if channels == "all":
        return None
    found = _found(model)
    pointing = found.queries | found.keys
    if not pointing:
        raise LithoError(
            f"the attention of {model.source.name} cannot be watched, so its channels cannot be "
            "told apart: choose --channels all"
        )
    both = found.queries & found.keys
    if channels == "qk" and both:
        raise LithoError(
            f"{model.source.name} makes queries, keys and values in one layer ({min(both)}): "
            "choose --channels qkvo"
        )
    beside = {name.rpartition(".")[0] for name in pointing}
    attention = pointing | {n for n in found.others if n.rpartition(".")[0] in beside}
    chosen = {"qk": pointing, "qkvo": attention, "mlp": found.others - attention}[channels]
    return tuple(sorted(chosen))


def equal_rank(model: LanguageModel, kinds: Collection[str] | None, rank: int) -> int:
    """The rank with which adapters on `kinds` have as many weights as those of `rank` on all."""
    whole, part = _widths(model, None), _widths(model, kinds)
    return max(1, round(rank * whole / part))


def _widths(model: LanguageModel, kinds: Collection[str] | None) -> int:
    """Inputs and outputs of the layers: the weights of an adapter of rank 1."""
    modules = dict(model.unwrapped.named_modules())
    return sum(_width(_base(modules[name])) for name in target_modules(model, kinds=kinds))


def _width(layer: Any) -> int:  # noqa: ANN401  as `LanguageModel.network`
    """Of weights in fewer bits the shape says nothing: they are packed."""
    if isinstance(layer, nn.Linear):
        return layer.in_features + layer.out_features
    return sum(layer.weight.shape)


def _base(module: nn.Module) -> Any:  # noqa: ANN401  as `LanguageModel.network`
    return getattr(module, "base_layer", module)


@torch.no_grad()
def _found(model: LanguageModel) -> _Found:
    """Tried in the first layer whose attention can be watched."""
    seen = _attention(model)
    found = _Found(set(), set(), set())
    if not seen:
        return found
    layer = min(seen)
    modules = dict(model.unwrapped.named_modules())
    for name in target_modules(model, layers=[layer]):
        inside = name.partition(f".{layer}.")[2]
        with _nudged(modules[name]):
            other = _attention(model)[layer]
        queries = not torch.equal(seen[layer].query_HTD, other.query_HTD)
        keys = not torch.equal(seen[layer].key_KTD, other.key_KTD)
        found.queries.update([inside] * queries)
        found.keys.update([inside] * keys)
        found.others.update([inside] * (not queries and not keys))
    return found


def _attention(model: LanguageModel) -> dict[int, LayerAttention]:
    seen: dict[int, LayerAttention] = {}
    with watched(seen.__setitem__):
        model.network(input_ids=trial.rows(model)[:1].to(model.device), use_cache=False)
    return seen


@contextmanager
def _nudged(module: nn.Module) -> Iterator[None]:
    def nudge(_: nn.Module, __: object, output: Tensor) -> Tensor:
        ramp = torch.arange(output.shape[-1], device=output.device, dtype=output.dtype)
        return output + NUDGE * (ramp % 3)

    handle = module.register_forward_hook(nudge)
    try:
        yield
    finally:
        handle.remove()
