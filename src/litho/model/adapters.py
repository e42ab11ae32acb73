"""LoRA adapters (PEFT) on a model: one base, several adapters, each with a name."""

import math
import re
import warnings
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, cast

import torch
from peft import LoraConfig, get_peft_model
from peft.helpers import disable_input_dtype_casting
from peft.tuners.lora import LoraLayer
from torch import Tensor, nn
from transformers.pytorch_utils import Conv1D

from litho.core.errors import LithoError
from litho.model.capture import block_path
from litho.model.loading import LanguageModel

# Read by their weights instead of being called, so that LoRA would have no effect on them.
_UNADAPTABLE = {"mamba": ("out_proj", "dt_proj", "conv1d")}
_INSIDE_LORA = re.compile(r"\.(lora_\w+|base_layer)(\.|$)")
_BLOCK_NUMBER = re.compile(r"\.\d+\.")


def target_modules(
    model: LanguageModel,
    layers: Collection[int] | None = None,
    kinds: Collection[str] | None = None,
) -> list[str]:
    """Full names of the linear layers inside the blocks, attention and MLP alike.

    `layers`: only those of these blocks, counted from 0; `kinds`: only those of these last names.
    """
    base = model.network.get_base_model() if model.adapters else model.network
    config = base.config
    prefix = block_path(base, config.get_text_config().num_hidden_layers)
    barred = _UNADAPTABLE.get(config.model_type, ())
    return [
        name
        for name, module in base.named_modules()
        if isinstance(module, nn.Linear | Conv1D | LoraLayer)
        and name.startswith(prefix + ".")
        and name.rpartition(".")[2] not in barred
        and not _INSIDE_LORA.search(name)
        and (layers is None or int(name[len(prefix) + 1 :].partition(".")[0]) in layers)
        and (kinds is None or name.rpartition(".")[2] in kinds)
    ]


def attach(
    model: LanguageModel,
    name: str,
    rank: int,
    alpha: int,
    seed: int,
    layers: Collection[int] | None = None,
    keys: Mapping[str, Tensor] | None = None,
    kinds: Collection[str] | None = None,
) -> None:
    """Put a fresh LoRA adapter on all linear layers, or on those of some blocks or kinds.

    It changes nothing until it is trained. Trainable weights are float32 whatever the base is
    (bfloat16 would round small updates to zero). With `keys`, a matrix A (rank x inputs) by name of
    each layer, only B is trained (LoRA-FA; Zhang et al. 2023, arXiv 2308.03303). Raises LithoError
    if the keys are those of other layers, or PEFT matched other modules than those meant.
    """
    targets = target_modules(model, layers, kinds)
    if keys is not None and (other := keys.keys() ^ set(targets)):
        raise LithoError(f"keys and adapted layers are not the same: {min(other)}")
    config = LoraConfig(
        task_type="CAUSAL_LM", r=rank, lora_alpha=alpha, target_modules=targets, lora_dropout=0.0
    )
    config.base_model_name_or_path = model.source.reference
    config.revision = model.source.revision
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PEFT sets fan_in_fan_out for GPT-2 and says so
        torch.manual_seed(seed)
        if model.adapters:
            model.network.add_adapter(name, config)
        else:
            model.network = get_peft_model(model.network, config, adapter_name=name)
    model.adapters.append(name)
    model.on = []
    matched = {n.split(".lora_A.")[0] for n in weights(model, name) if ".lora_A." in n}
    if len(matched) != len(targets):
        raise LithoError(f"PEFT matched {len(matched)} modules, but {len(targets)} were meant")
    if keys is not None:
        _hold(model, name, keys)


def _hold(model: LanguageModel, name: str, keys: Mapping[str, Tensor]) -> None:
    """Make `keys` the A of an adapter for good."""
    for path, key_RD in keys.items():
        layer = cast(Any, model.network.get_base_model().get_submodule(path))
        layer.lora_A[name].weight.requires_grad_(False).copy_(key_RD)
        # PEFT makes an adapter trainable whenever it is switched on again, but for these.
        held = {**layer.frozen_peft_weight_names, name: ("lora_A",)}
        layer.frozen_peft_weight_names = held


def remove(model: LanguageModel, name: str) -> None:
    """Take one of several adapters off."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that another one is active now; states set their own
        model.network.delete_adapter(name)
    model.adapters.remove(name)
    model.on = []


def weights(model: LanguageModel, name: str) -> dict[str, nn.Parameter]:
    """The parameters of an adapter by name, those that are held, too."""
    return {n: p for n, p in model.network.named_parameters() if f".{name}." in n}


@torch.no_grad()
def update_norms(model: LanguageModel, name: str, before: str | None = None) -> dict[str, float]:
    """Frobenius norm of what a LoRA adapter adds to the weights, by kind of matrix (see `kind`).

    With `before`: of the difference to what that adapter adds. Raises LithoError if one is of
    another kind than plain LoRA on linear layers.
    """
    for adapter in filter(None, (name, before)):
        _check_plain(model, adapter)
    if before is None:
        return _by_kind((kind_, _product_norm(a, b, s)) for kind_, a, b, s in factors(model, name))
    return _by_kind(
        (kind(path), (_update(module, name) - _update(module, before)).norm().item())
        for path, module in model.network.named_modules()
        if isinstance(module, LoraLayer) and (name in module.lora_A or before in module.lora_A)
    )


def _check_plain(model: LanguageModel, name: str) -> None:
    config = model.network.peft_config[name]
    embeds = any(".lora_embedding_" in parameter for parameter in weights(model, name))
    if embeds or getattr(config, "use_dora", False):
        raise LithoError(
            "the adapter is no plain LoRA on linear layers (it uses DoRA or changes embeddings), "
            "and the size of its update is not known: merge it and compare the merged model"
        )
    if not any(factors(model, name)):
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
    second = dict(other.network.named_parameters())
    return _by_kind(
        (kind(name.removesuffix(".weight")), torch.dist(parameter, second[name]).item())
        for name, parameter in model.network.named_parameters()
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
        update, weight = _update(module, name), cast(Any, module).get_base_layer().weight.float()
        product += (weight * update).sum().item()
        square += (norm := update.square().sum().item())
        variance += norm * weight.square().sum().item() / weight.numel()
    if square and math.sqrt(variance) / square < 0.05 and abs(product / square - 1) < 0.2:
        raise LithoError(
            f"{model.source.name} contains this adapter already (it has been merged): give the "
            "model without it as the state before"
        )


def _update(module: LoraLayer, name: str) -> Tensor:
    """What an adapter adds to the weights of a module, in float32; nothing if it is not there."""
    if name not in module.lora_A:
        return torch.zeros(())
    found: Tensor = cast(Any, module).get_delta_weight(name)  # PEFT annotates less than there is
    return found.float()


def kind(module: str) -> str:
    """What a module is called inside its block, such as `self_attn.q_proj`: the same in all blocks.

    A module outside the blocks is a kind of its own.
    """
    return _BLOCK_NUMBER.split(module, maxsplit=1)[-1]


def layer_of(parameter: str) -> int:
    """The block to which a weight of an adapter belongs, from 0."""
    return int(_BLOCK_NUMBER.findall(parameter)[0].strip("."))


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
    generator = torch.Generator().manual_seed(seed)
    for kind_, a, b, scale in products:
        for matrix in (a, b):
            matrix.copy_(torch.randn(matrix.shape, generator=generator))
        b.mul_(reached[kind_] / math.sqrt(depth[kind_]) / _product_norm(a, b, scale))


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


def _product_norm(a: Tensor, b: Tensor, scale: float) -> float:
    """Frobenius norm of scale B A, from r x r products only."""
    return scale * math.sqrt(((b.T @ b) * (a @ a.T)).sum().item())


def factors(model: LanguageModel, name: str) -> Iterator[tuple[str, Tensor, Tensor, float]]:
    """Kind, A (r x in), B (out x r) and scale of every adapted matrix: W' = W + scale B A."""
    for path, module in model.network.named_modules():
        if isinstance(module, LoraLayer) and name in module.lora_A:
            a, b = module.lora_A[name].weight, module.lora_B[name].weight
            yield kind(path), cast(Tensor, a), cast(Tensor, b), float(module.scaling[name])


@contextmanager
def learning(model: LanguageModel, name: str, beside: Sequence[str] = ()) -> Iterator[None]:
    """Run the block with an adapter that is trained and others that are only on.

    Behind it the first is on alone.
    """
    with model.state((*beside, name)):
        for other in beside:  # PEFT makes all that is active trainable
            for parameter in weights(model, other).values():
                parameter.requires_grad_(False)
        yield
    if beside:
        with model.state(name):
            pass


@contextmanager
def mixed_precision(model: LanguageModel) -> Iterator[None]:
    """Multiply by the adapters in bfloat16 on a bfloat16 base; their weights stay float32.

    A quarter of the time of a step. On the bundled model the gradient is as near to that of full
    float32 as with float32 products (cosine 0.951 against 0.948 for the drift term).
    """
    if model.network.dtype != torch.bfloat16:
        yield
        return
    with (
        # Without its cache, which would keep copies of weights that have been exchanged since.
        torch.autocast(model.device.type, torch.bfloat16, cache_enabled=False),
        disable_input_dtype_casting(model.network),
    ):
        yield


def detach(model: LanguageModel) -> None:
    """Take all adapters off, which leaves the base model as it was loaded."""
    model.network = model.network.unload()
    model.adapters.clear()
    model.on = []
