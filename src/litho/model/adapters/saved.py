"""Saved LoRA adapters: directories as plain PEFT writes and reads them."""

import json
import re
import warnings
from enum import Enum
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, PeftModel, get_peft_model, set_peft_model_state_dict
from peft.tuners.tuners_utils import BaseTunerLayer
from safetensors.torch import save_file
from torch import Tensor, nn

from litho.core.errors import LithoError, first_line
from litho.core.files import whole_folder
from litho.model.adapters import files
from litho.model.adapters.lora import added, detach, unnamed, weights
from litho.model.loaded import LanguageModel
from litho.model.loading import load as load_model

_MISMATCH = re.compile(
    r"size mismatch for (\S+): .*?torch\.Size\(\[([\d, ]*)\]\).*?torch\.Size\(\[([\d, ]*)\]\)"
)

_WHOLE = {1: torch.int8, 2: torch.int16, 4: torch.int32, 8: torch.int64}  # by bytes a number


def save(model: LanguageModel, name: str, folder: Path) -> None:
    """Write an adapter as a PEFT directory that plain `PeftModel.from_pretrained` loads."""
    config = model.network.peft_config[name].to_dict() | {"inference_mode": True}
    tensors = {
        unnamed(n, name): p.detach().cpu().contiguous() for n, p in weights(model, name).items()
    }
    with whole_folder(folder) as half:
        (half / files.CONFIG).write_text(json.dumps(config, indent=1, default=_as_json))
        save_file(tensors, half / files.WEIGHTS, metadata={"format": "pt"})


def _as_json(value: object) -> Any:  # noqa: ANN401  JSON
    """What PEFT reads back as `value`, of those that a configuration may hold besides JSON."""
    if isinstance(value, set | frozenset):
        return sorted(value)
    if isinstance(value, Enum):
        return value.value
    raise TypeError(f"an adapter's configuration holds a {type(value).__name__}: {value}")


def load(model: LanguageModel, name: str, folder: Path) -> None:
    """Hang a saved adapter on the model under `name`.

    Raises LithoError, with the model as it was, if the folder holds no adapter that Litho can use;
    if not all of its tensors have a place in the model, or the adapter needs others; or if it
    changes the base, too.
    """
    config, tensors = files.peft_config(folder), files.tensors(folder)
    base = _Base(model)
    _put_on(model, name, config, folder)
    try:
        _fill(model, name, tensors, folder)
        base.check(name, folder)
    except LithoError:
        if name in model.adapters:
            detach(model, name)
        raise
    model.network.eval()


def fill(model: LanguageModel, name: str, folder: Path) -> None:
    """Give an adapter that is on the model the weights of a saved one.

    Raises LithoError if that is of another shape.
    """
    _fill(model, name, files.tensors(folder), folder)


def _put_on(model: LanguageModel, name: str, config: LoraConfig, folder: Path) -> None:
    """Let PEFT make the adapter's layers; their weights are still those of the beginning."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what matters of what PEFT tells is checked afterwards
            if isinstance(model.network, PeftModel):
                model.network.add_adapter(name, config)
            else:
                model.network = get_peft_model(model.network, config, adapter_name=name)
    except (ValueError, RuntimeError, TypeError, LookupError, AttributeError, ImportError) as error:
        if not model.adapters:
            _unwrap(model.network)
        raise LithoError(_misfit(model, folder, first_line(error)[:200])) from None
    added(model, name)


def _unwrap(network: nn.Module) -> None:
    """Put back the layers that PEFT replaced before it gave up."""
    for path, module in list(network.named_modules()):
        if isinstance(module, BaseTunerLayer):
            network.set_submodule(path, module.get_base_layer())
    if hasattr(network, "peft_config"):
        del network.peft_config


def _fill(model: LanguageModel, name: str, tensors: dict[str, Tensor], folder: Path) -> None:
    """Give the adapter its weights. Raises LithoError if names or shapes are not those it needs."""
    needed = weights(model, name)
    beside = _beside(model, tensors, folder)
    lora = {key: tensor for key, tensor in tensors.items() if key not in beside}
    try:
        read: Any = set_peft_model_state_dict(model.network, lora, adapter_name=name)
    except (RuntimeError, ValueError, KeyError, IndexError) as error:
        other = _MISMATCH.search(str(error))
        reason = first_line(error)[:200]
        if other:
            tensor, there, here = other.groups()
            reason = (
                f"{unnamed(tensor, name)} is {there.replace(', ', ' x ')} in {files.WEIGHTS}, but "
                f"{here.replace(', ', ' x ')} here: it was trained on a model of another size"
            )
        raise LithoError(_misfit(model, folder, reason)) from None
    unused = sorted(unnamed(key, name) for key in read.unexpected_keys)
    missing = sorted(unnamed(key, name) for key in needed.keys() & set(read.missing_keys))
    if unused or missing:
        raise LithoError(_misfit(model, folder, _other_names(unused, missing, len(tensors))))


def _beside(model: LanguageModel, tensors: dict[str, Tensor], folder: Path) -> set[str]:
    """Names of the base's own weights in the file, which PEFT adds where embeddings are adapted.

    Raises LithoError if they are others than those of the model.
    """
    own = model.network.state_dict()
    names = {key for key in tensors if key in own and ".lora_" not in key}
    for key in sorted(names):
        here, there = own[key], tensors[key]
        if here.shape != there.shape or not torch.equal(here.cpu(), there.to(here.dtype)):
            raise LithoError(
                f"the adapter {folder} changes the base as well: it holds a {key} of its own; "
                "merge it and give the merged model"
            )
    return names


def _other_names(unused: list[str], missing: list[str], count: int) -> str:
    """What does not fit, both ways."""
    parts = []
    if unused:
        parts.append(
            f"{len(unused)} of the {count} tensors in {files.WEIGHTS} have no place in it, for "
            f"example {unused[0]}"
        )
    if missing:
        parts.append(
            f"{len(missing)} that {files.CONFIG} asks for are not in that file, for example "
            f"{missing[0]}"
        )
    reason = "it was trained on a model of other modules, or saved under other names"
    return f"{'; '.join(parts)} ({reason})"


def _misfit(model: LanguageModel, folder: Path, reason: str) -> str:
    return f"the adapter {folder} does not fit {model.source.name}: {reason}"


class _Base:
    """The weights of a model, of which a new adapter must leave everything as it is."""

    def __init__(self, model: LanguageModel) -> None:
        self.model = model
        self.before = [(weight, _checksum(weight)) for weight in model.network.parameters()]

    def check(self, name: str, folder: Path) -> None:
        """Raises LithoError if the adapter `name` changed weights of the base or added to them.

        The weights are read from the model's files again then.
        """
        kept = {id(weight) for weight, bits in self.before if _checksum(weight) == bits}
        own = kept | {id(weight) for weight in weights(self.model, name).values()}
        network = self.model.network
        other = [n for n, weight in network.named_parameters() if id(weight) not in own]
        if not other:
            return
        self.model.network = load_model(self.model.source, self.model.placement).network
        self.model.adapters, self.model.on = [], []
        raise LithoError(
            f"the adapter {folder} changes more than its own weights ({len(other)} tensors, for "
            f"example {min(other)}): without it the model would not be the base any more; merge "
            "it and give the merged model"
        )


@torch.no_grad()
def _checksum(weight: Tensor) -> int:
    """The sum of a tensor's bits as whole numbers; 0 for what is kept elsewhere until it is called.

    Exact and, unlike a sum of the numbers in float64, as fast as the memory.
    """
    if weight.is_meta:
        return 0
    return int(weight.view(_WHOLE[weight.itemsize]).sum(dtype=torch.int32))
