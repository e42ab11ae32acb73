"""Adapters on a model: made, switched on, taken off."""

import re
import warnings
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, cast

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from peft.helpers import disable_input_dtype_casting
from peft.tuners.lora import LoraLayer
from torch import Tensor, nn

from litho.core.errors import LithoError
from litho.model.adapters.spec import AdapterSpec
from litho.model.adapters.targets import target_modules
from litho.model.loaded import LanguageModel
from litho.model.placement import HOST, seeded
from litho.model.state import State

BLOCK_NUMBER = re.compile(r"\.\d+\.")


def attach(model: LanguageModel, name: str, spec: AdapterSpec) -> None:
    """Put a new LoRA adapter on all linear layers, or on those of some blocks or kinds.

    It changes nothing until it is trained. Its weights are float32 whatever the base is (bfloat16
    would round small updates to zero). The first adapter of a model is on, a further one is not.
    Raises LithoError if the keys are those of other layers, or PEFT matched other modules than
    those meant; ValueError if the name is taken.
    """
    if name in model.adapters:
        raise ValueError(f"there is an adapter {name!r} already")
    targets = target_modules(model, spec.layers, spec.kinds)
    if spec.keys is not None and (other := spec.keys.keys() ^ set(targets)):
        raise LithoError(f"keys and adapted layers are not the same: {min(other)}")
    config = LoraConfig(
        task_type="CAUSAL_LM",
        r=spec.rank,
        lora_alpha=spec.scaled_by,
        target_modules=targets,
        lora_dropout=0.0,
    )
    config.base_model_name_or_path = model.source.reference
    config.revision = model.source.revision
    # PEFT draws A on the CPU wherever the model is, and then takes it there.
    with seeded(HOST, spec.seed), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PEFT sets fan_in_fan_out for GPT-2 and says so
        if model.adapters:
            model.network.add_adapter(name, config)
        else:
            model.network = get_peft_model(model.network, config, adapter_name=name)
    added(model, name)
    matched = {n.split(".lora_A.")[0] for n in weights(model, name) if ".lora_A." in n}
    if len(matched) != len(targets):
        detach(model, name)
        raise LithoError(f"PEFT matched {len(matched)} modules, but {len(targets)} were meant")
    if spec.keys is not None:
        _hold(model, name, spec.keys)
    if spec.begun is not None:
        _begin(model, name, spec.begun)


def added(model: LanguageModel, name: str) -> None:
    """Take note of an adapter that PEFT has put on the network."""
    model.adapters = [*model.adapters, name]
    model.switch(model.on if len(model.adapters) > 1 else [name])


def _hold(model: LanguageModel, name: str, keys: Mapping[str, Tensor]) -> None:
    """Set A to `keys` and freeze it."""
    for path, key_RD in keys.items():
        layer = cast(Any, model.network.get_base_model().get_submodule(path))
        layer.lora_A[name].weight.requires_grad_(False).copy_(key_RD)
        # PEFT makes all that is on trainable whenever it puts an adapter on or off, but for these.
        held = {**layer.frozen_peft_weight_names, name: ("lora_A",)}
        layer.frozen_peft_weight_names = held


@torch.no_grad()
def _begin(model: LanguageModel, name: str, begun: Mapping[str, Tensor]) -> None:
    """Give B its first columns, of which no gradient is left."""
    for path, columns_OR in begun.items():
        layer = cast(Any, model.network.get_base_model().get_submodule(path))
        weight, first = layer.lora_B[name].weight, columns_OR.shape[1]
        weight[:, :first] = columns_OR
        learns = weight.requires_grad
        weight.requires_grad_().register_hook(partial(_behind, first))
        weight.requires_grad_(learns)


def _behind(first: int, gradient_OR: Tensor) -> Tensor:
    """A gradient without that of the first columns."""
    return torch.cat([torch.zeros_like(gradient_OR[:, :first]), gradient_OR[:, first:]], 1)


def detach(model: LanguageModel, name: str | None = None) -> None:
    """Take one adapter or all of them off; without any, the model is as it was loaded."""
    gone = list(model.adapters) if name is None else [name]
    model.on = [other for other in model.on if other not in gone]
    model.adapters = [other for other in model.adapters if other not in gone]
    if not model.adapters:
        if isinstance(model.network, PeftModel):
            model.network = model.network.unload()
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that another one is active now: it is not
        model.network.delete_adapter(*gone)
    model.switch(model.on)


@contextmanager
def restored(model: LanguageModel) -> Iterator[None]:
    """Afterwards, also after an error, the model has the adapters and the state it has now.

    For what only puts adapters on.
    """
    adapters, on = set(model.adapters), list(model.on)
    try:
        yield
    finally:
        for name in [name for name in model.adapters if name not in adapters]:
            detach(model, name)
        model.switch(on)


@contextmanager
def fresh(model: LanguageModel, name: str, spec: AdapterSpec) -> Iterator[State]:
    """Run the block with a new adapter on the model; yields the state with it alone.

    Afterwards, also after an error, the model is in the state in which it was found.
    """
    with restored(model):
        attach(model, name, spec)
        yield State(model, (name,))


def weights(model: LanguageModel, name: str) -> dict[str, nn.Parameter]:
    """The parameters of an adapter by name, those that are held, too."""
    inside = _named(name)
    return {n: p for n, p in model.network.named_parameters() if inside.search(n)}


def learned_weights(model: LanguageModel, name: str) -> dict[str, nn.Parameter]:
    """The parameters of an adapter that training changes: all but those that are held."""
    held = {
        f"{path}.{matrix}.{name}.weight"
        for path, module in model.network.named_modules()
        if isinstance(module, LoraLayer)
        for matrix in module.frozen_peft_weight_names.get(name, ())
    }
    return {n: p for n, p in weights(model, name).items() if n not in held}


def unnamed(parameter: str, name: str) -> str:
    """The name of a parameter of the adapter `name` without it, as PEFT saves it."""
    return _named(name).sub(r"\1", parameter)


def _named(name: str) -> re.Pattern[str]:
    """Finds the name of an adapter where PEFT puts it, behind the kind of a LoRA matrix."""
    return re.compile(rf"(\.lora_\w+)\.{re.escape(name)}(?=\.|$)")


def layer_of(parameter: str) -> int:
    """The block to which a weight of an adapter belongs, from 0."""
    return int(BLOCK_NUMBER.findall(parameter)[0].strip("."))


@contextmanager
def learning(model: LanguageModel, name: str, beside: Sequence[str] = ()) -> Iterator[None]:
    """Run the block with an adapter that is trained, and others `beside` it that are only on.

    Inside, all weights of the adapter are trainable but those that are held, and no others are.
    Afterwards the model is as it was before.
    """
    learned = {id(parameter) for parameter in learned_weights(model, name).values()}
    everything = list(model.network.parameters())
    with model.state((*beside, name)), only_trainable(everything, learned):
        yield


@contextmanager
def only_trainable(parameters: Sequence[nn.Parameter], learned: Collection[int]) -> Iterator[None]:
    """Inside, those of the parameters that have these `id`s are trainable, and no others are."""
    changed = [p for p in parameters if p.requires_grad != (id(p) in learned)]
    for parameter in changed:
        parameter.requires_grad_(id(parameter) in learned)
    try:
        yield
    finally:
        for parameter in changed:
            parameter.requires_grad_(id(parameter) not in learned)


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
