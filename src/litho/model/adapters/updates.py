"""How large an adapter's update is, and updates of a given size."""

import math
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from typing import Any, cast

import torch
from peft.tuners.lora import LoraLayer
from peft.tuners.lora.layer import ParamWrapper
from peft.utils.integrations import dequantize_module_weight
from torch import Tensor, nn
from transformers.pytorch_utils import Conv1D

from litho.core.errors import LithoError
from litho.model.adapters.lora import BLOCK_NUMBER, weights
from litho.model.loaded import LanguageModel
from litho.model.placement import HOST


@torch.no_grad()
def update_norms(model: LanguageModel, name: str, before: str | None = None) -> dict[str, float]:
    """Frobenius norm of what a LoRA adapter adds to the weights, by kind of matrix (see `kind`).

    With `before`: of the difference to what that adapter adds. Raises LithoError if one is of
    another kind than plain LoRA on linear layers.
    """
    for adapter in filter(None, (name, before)):
        check_plain(model, adapter)
    if before is None:
        return _by_kind((kind_, product_norm(a, b, s)) for kind_, a, b, s in factors(model, name))
    return _by_kind(
        (kind(path), (update_of(module, name) - update_of(module, before)).norm().item())
        for path, module in model.network.named_modules()
        if isinstance(module, LoraLayer) and (name in module.lora_A or before in module.lora_A)
    )


def check_plain(model: LanguageModel, name: str) -> None:
    """Raises LithoError if a tensor of an adapter is no factor of what it adds to a linear layer.

    What is left out of `factors` would be left out of every null as well.
    """
    network, counted = model.network, set[int]()
    odd: dict[str, str] = {}  # what else it does, by a module in which it does so
    for path, module in network.named_modules():
        if not isinstance(module, LoraLayer) or name not in module.scaling:
            continue
        changed = module.get_base_layer()
        if variant := module.lora_variant.get(name):
            odd[path] = f"is of the kind {type(variant).__name__.removesuffix('Variant')}"
        elif isinstance(module, ParamWrapper) or not isinstance(changed, nn.Linear | Conv1D):
            odd[path] = f"changes weights of {type(changed).__name__}"
        else:
            counted |= {id(matrix[name].weight) for matrix in (module.lora_A, module.lora_B)}
    for parameter, weight in weights(model, name).items():
        if id(weight) not in counted:
            odd.setdefault(parameter, "has tensors besides A and B")
    if odd:
        place, why = next(iter(odd.items()))
        raise LithoError(
            f"the adapter is no plain LoRA on linear layers (it {why}, at {place}), and the size "
            "of its update is not known: merge it and compare the merged model"
        )
    if not counted:
        raise LithoError(f"the adapter {name} changes no linear layer by LoRA")


def alike(model: LanguageModel, other: LanguageModel) -> bool:
    """Whether two plain models have weights of the same names and shapes."""
    first, second = (
        {name: p.shape for name, p in m.network.named_parameters()} for m in (model, other)
    )
    return first == second


@torch.no_grad()
def distances(model: LanguageModel, other: LanguageModel) -> dict[str, float]:
    """Frobenius norm of the difference of two alike models' weights, by kind of matrix."""
    return _by_kind(
        (
            kind(name.removesuffix(".weight")),
            torch.dist(_plain(model, name), _plain(other, name)).item(),
        )
        for name, _ in model.network.named_parameters()
    )


def _plain(model: LanguageModel, name: str) -> Tensor:
    """A parameter by its name; a weight that is held in fewer bits as the matrix it stands for."""
    owner, _, own = name.rpartition(".")
    module = model.network.get_submodule(owner)
    return cast(
        Tensor, dequantize_module_weight(module) if own == "weight" else getattr(module, own)
    )


@torch.no_grad()
def check_unmerged(model: LanguageModel, name: str) -> None:
    """Raises LithoError if the base's weights contain a LoRA adapter already.

    <W, D> / ||D||^2, for all adapted weights W and updates D at once, grows by 1 if D is added to
    W. Before that it is 0 with a standard deviation of sqrt(sum ||W||^2 ||D||^2 / entries) /
    ||D||^2 where directions are random; nothing is said of updates so small that this exceeds 0.05.
    """
    product = square = variance = 0.0
    for module in model.network.modules():
        if not isinstance(module, LoraLayer) or name not in module.lora_A:
            continue
        update = update_of(module, name)
        weight = dequantize_module_weight(cast(Any, module).get_base_layer()).float()
        product += (weight * update).sum().item()
        square += (norm := update.square().sum().item())
        variance += norm * weight.square().sum().item() / weight.numel()
    if square and math.sqrt(variance) / square < 0.05 and abs(product / square - 1) < 0.2:
        raise LithoError(
            f"{model.source.name} contains this adapter already (it has been merged): give the "
            "model without it as the state before"
        )


def update_of(module: LoraLayer, name: str) -> Tensor:
    """What an adapter adds to the weights of a module, in float32; nothing if it is not there."""
    if name not in module.lora_A:
        return torch.zeros((), device=HOST)
    update: Tensor = cast(Any, module).get_delta_weight(name)  # PEFT annotates less than there is
    return update.float()


def kind(module: str) -> str:
    """What a module is called inside its block, such as `self_attn.q_proj`: the same in all blocks.

    A module outside the blocks is a kind of its own.
    """
    return BLOCK_NUMBER.split(module, maxsplit=1)[-1]


def _by_kind(norms: Iterable[tuple[str, float]]) -> dict[str, float]:
    total: dict[str, float] = {}
    for name, norm in norms:
        total[name] = math.hypot(total.get(name, 0.0), norm)
    return total


@torch.no_grad()
def randomize(model: LanguageModel, name: str, norms: dict[str, float], seed: int) -> None:
    """Give a LoRA adapter a random direction and a Frobenius norm by kind of matrix.

    The norm of a kind is spread evenly over the depth; that of what the adapter does not reach is
    spread evenly over all kinds that it does.
    """
    products = list(factors(model, name))
    depth = Counter(kind_ for kind_, *_ in products)
    reached = _reached(norms, depth)
    generator = torch.Generator(HOST).manual_seed(seed)
    for kind_, a, b, scale in products:
        for matrix in (a, b):
            matrix.copy_(torch.randn(matrix.shape, generator=generator, device=HOST))
        b.mul_(reached[kind_] / math.sqrt(depth[kind_]) / product_norm(a, b, scale))


@torch.no_grad()
def rescale(model: LanguageModel, name: str, norms: dict[str, float]) -> None:
    """Scale a LoRA adapter to a Frobenius norm by kind of matrix, as `randomize` does.

    The depth keeps its shares.
    """
    have = update_norms(model, name)
    reached = _reached(norms, have)
    for kind_, _, b, _ in factors(model, name):
        b.mul_(reached[kind_] / have[kind_] if have[kind_] else 0.0)


def _reached(norms: dict[str, float], kinds: Collection[str]) -> dict[str, float]:
    """Norms of the kinds that an adapter reaches; those of all others are spread over them."""
    rest = math.hypot(*(norm for kind_, norm in norms.items() if kind_ not in kinds))
    rest /= math.sqrt(len(kinds))
    return {kind_: math.hypot(norms.get(kind_, 0.0), rest) for kind_ in kinds}


@torch.no_grad()
def silence(model: LanguageModel, name: str) -> None:
    """Make a LoRA adapter change nothing."""
    for _, _, b, _ in factors(model, name):
        b.zero_()


def product_norm(a: Tensor, b: Tensor, scale: float) -> float:
    """Frobenius norm of scale B A, from r x r products only."""
    return scale * math.sqrt(((b.T @ b) * (a @ a.T)).sum().item())


def factors(model: LanguageModel, name: str) -> Iterator[tuple[str, Tensor, Tensor, float]]:
    """Kind, A (r x in), B (out x r) and scale of every adapted matrix: W' = W + scale B A."""
    for path, module in model.network.named_modules():
        if isinstance(module, LoraLayer) and name in module.lora_A:
            a, b = module.lora_A[name].weight, module.lora_B[name].weight
            yield kind(path), cast(Tensor, a), cast(Tensor, b), float(module.scaling[name])
