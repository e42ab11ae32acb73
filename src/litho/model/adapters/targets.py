"""Which layers of a model can be given a LoRA adapter."""

import re
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from typing import Any
from weakref import WeakKeyDictionary

import torch
from peft import LoraConfig, inject_adapter_in_model
from peft.tuners.lora import LoraLayer
from torch import Tensor, nn
from transformers.pytorch_utils import Conv1D

from litho.model import trial
from litho.model.loaded import LanguageModel
from litho.model.placement import HOST, seeded
from litho.model.watch.capture import block_path

_INSIDE_LORA = re.compile(r"\.(lora_\w+|base_layer)(\.|$)")
_barred: WeakKeyDictionary[nn.Module, frozenset[str]] = WeakKeyDictionary()  # by network


def target_modules(
    model: LanguageModel,
    layers: Collection[int] | None = None,
    kinds: Collection[str] | None = None,
) -> list[str]:
    """Full names of the linear layers inside the blocks that can be adapted.

    `layers`: only those of these blocks, counted from 0; `kinds`: only those whose names end so,
    such as `q_proj` or `mlp.c_proj`.
    """
    prefix = f"{_path(model)}."
    barred = _barred_kinds(model)
    return [
        name
        for name in _linear(model)
        if _kind(name) not in barred
        and (layers is None or int(name[len(prefix) :].partition(".")[0]) in layers)
        and (kinds is None or any(name.endswith(f".{kind}") for kind in kinds))
    ]


def left_out(model: LanguageModel) -> list[str]:
    """What to tell of matrices in the blocks that no adapter changes: one sentence, or nothing."""
    adapted = set(target_modules(model))
    prefix = f"{_path(model)}."
    kept = dict[str, None]()
    for name, parameter in model.unwrapped.named_parameters():
        owner, _, last = name.rpartition(".")
        if not name.startswith(prefix) or _INSIDE_LORA.search(name) or parameter.dim() != 2:
            continue  # of stacks of matrices see `stacks_notice`
        if owner not in adapted:
            inside = (owner if last == "weight" else name)[len(prefix) :]
            kept[inside.partition(".")[2]] = None
    if not kept:
        return []
    return [f"the adapter leaves {', '.join(kept)} as they are: PEFT has no LoRA for them here"]


def _path(model: LanguageModel) -> str:
    network = model.unwrapped
    return block_path(network, network.config.get_text_config().num_hidden_layers)


def _kind(name: str) -> str:
    return name.rpartition(".")[2]


def _linear(model: LanguageModel) -> dict[str, nn.Module]:
    """The linear layers inside the blocks by full name, attention and MLP alike."""
    prefix = f"{_path(model)}."
    modules: dict[str, nn.Module] = dict(model.unwrapped.named_modules())
    return {
        name: module
        for name, module in modules.items()
        if isinstance(module, nn.Linear | Conv1D | LoraLayer)
        and name.startswith(prefix)
        and not _INSIDE_LORA.search(name)
    }


def _barred_kinds(model: LanguageModel) -> frozenset[str]:
    """Last names of layers on which LoRA would fail or have no effect; tried once a network."""
    network = model.unwrapped
    if network not in _barred:
        linear = _linear(model)
        kinds = {_kind(name) for name in linear}
        works = {kind for kind in kinds & _called(model, linear) if _accepted(network, kind)}
        _barred[network] = frozenset(kinds - works)
    return _barred[network]


def _accepted(network: Any, kind: str) -> bool:  # noqa: ANN401  as `LanguageModel.network`
    """Whether PEFT puts LoRA on a layer of that last name, and not on something else instead.

    It refuses some for their kind of model, and takes others for experts of an older transformers.
    Both follow from names and the configuration alone, so that a single weight can stand in.
    """
    config = LoraConfig(r=1, target_modules=[f"block.{kind}"])
    with seeded(HOST, 0):  # what is drawn here is taken from nobody else
        stand_in = nn.ModuleDict({"block": nn.ModuleDict({kind: nn.Linear(1, 1, device=HOST)})})
        stand_in.config = network.config
        try:
            inject_adapter_in_model(config, stand_in)
        except ValueError:
            return False
    return isinstance(stand_in.get_submodule(f"block.{kind}"), LoraLayer)


@torch.no_grad()
def _called(model: LanguageModel, linear: dict[str, nn.Module]) -> set[str]:
    """Last names of the layers that are called with hidden states and answer with a product.

    Others are read by their weights, or do more than multiply, as routers do.
    """
    called: set[str] = set()
    with _noted(linear, called):
        model.network(input_ids=trial.rows(model)[:1].to(model.device), use_cache=False)
    return called


@contextmanager
def _noted(linear: dict[str, nn.Module], called: set[str]) -> Iterator[None]:
    def noting(kind: str) -> Callable[[nn.Module, tuple[Any, ...], object], None]:
        def note(module: nn.Module, args: tuple[Any, ...], output: object) -> None:
            if _is_product(module, args, output):
                called.add(kind)

        return note

    handles = [module.register_forward_hook(noting(_kind(name))) for name, module in linear.items()]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _is_product(module: Any, args: tuple[Any, ...], output: object) -> bool:  # noqa: ANN401  as above
    """Whether a layer answered with one product for each hidden state."""
    if not args or not isinstance(output, Tensor):
        return False
    if isinstance(module, Conv1D):
        features = module.nx, module.nf
    else:
        features = module.in_features, module.out_features
    given: Tensor = args[0]
    return (given.shape[-1], output.shape[-1]) == features and given.shape[:-1] == output.shape[:-1]
