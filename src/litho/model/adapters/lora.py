"""Adapters on a model: made, switched on, taken off."""

import re
import warnings
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, cast

import torch
from peft import LoraConfig, get_peft_model
from peft.helpers import disable_input_dtype_casting
from peft.tuners.lora import LoraLayer
from torch import Tensor, nn
from transformers.pytorch_utils import Conv1D

from litho.core.errors import LithoError
from litho.model.loaded import LanguageModel
from litho.model.placement import HOST, seeded
from litho.model.watch.capture import block_path

# Read by their weights instead of being called, so that LoRA would have no effect on them.
_UNADAPTABLE = {"mamba": ("out_proj", "dt_proj", "conv1d")}
_INSIDE_LORA = re.compile(r"\.(lora_\w+|base_layer)(\.|$)")
BLOCK_NUMBER = re.compile(r"\.\d+\.")


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
    # PEFT draws A on the CPU wherever the model is, and then takes it there.
    with seeded(HOST, seed), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PEFT sets fan_in_fan_out for GPT-2 and says so
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


def layer_of(parameter: str) -> int:
    """The block to which a weight of an adapter belongs, from 0."""
    return int(BLOCK_NUMBER.findall(parameter)[0].strip("."))


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
