"""A model that is trained, whether it is new or not: all of its weights, or an adapter."""

import shutil
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from litho.model.adapters import lora
from litho.model.adapters.spec import AdapterSpec
from litho.model.codec import Codec
from litho.model.loaded import LanguageModel
from litho.model.micro import MicroModel, Shape
from litho.model.placement import Placement

ADAPTER = "school"  # the name of one that is trained
_TOKENIZER = ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json")


@dataclass(frozen=True)
class Learner:
    """A network in float32, and what a training needs of it."""

    network: nn.Module
    read: Callable[[nn.Module, Tensor], Tensor]  # from network and ids_BT to logits_NV
    save: Callable[[Path], None]  # into a new folder, as transformers loads it
    adapted: LanguageModel | None = None  # of which an adapter is trained, and nothing else

    def logits(self, ids_BT: Tensor) -> Tensor:
        """For what follows each token, logits_NV."""
        return self.read(self.network, ids_BT)

    @cached_property
    def weights(self) -> dict[str, nn.Parameter]:
        """Those that learn, by name, each once."""
        return {n: w for n, w in self.network.named_parameters() if w.requires_grad}

    @property
    def device(self) -> torch.device:
        return next(iter(self.weights.values())).device

    @property
    def size(self) -> int:
        """How many weights there are."""
        return sum(weight.numel() for weight in self.weights.values())


def new_learner(
    shape: Shape, seed: int, codec: Codec | None, placement: Placement, apart: bool = False
) -> Learner:
    """A micro model with random weights; without a codec it cannot be saved.

    `apart`: while it learns, no document sees the one before it in its row.
    """
    network = MicroModel(shape, seed).to(placement.device)

    def save(folder: Path) -> None:
        assert codec is not None
        network.save(folder, codec)

    end = codec.end_id if codec else 0
    return Learner(network, partial(_of_micro, end=end) if apart else _of_micro, save)


def learner_of(model: LanguageModel) -> Learner:
    """A model that goes on, without dropout; it must have been loaded in float32."""
    network = model.network.requires_grad_(True).eval()
    return Learner(network, _of_language_model, lambda folder: _save(network, model, folder))


def adapted(model: LanguageModel, spec: AdapterSpec) -> Learner:
    """A new adapter on a model in float32, which stays as it is; it is saved as one model."""
    lora.attach(model, ADAPTER, spec)
    network = model.network.eval()

    def save(folder: Path) -> None:
        whole = deepcopy(network).merge_and_unload(safe_merge=True, adapter_names=[ADAPTER])
        _save(whole, model, folder)

    return Learner(network, _of_language_model, save, model)


def _save(network: Any, model: LanguageModel, folder: Path) -> None:  # noqa: ANN401  as there
    """With the files of the tokenizer as they were."""
    network.save_pretrained(folder)
    for path in model.source.folder.iterdir():
        if path.name in _TOKENIZER or path.suffix == ".jinja":
            shutil.copyfile(path, folder / path.name)


# Functions of a module, since other processes are given them.
def _of_micro(network: nn.Module, ids_BT: Tensor, end: int | None = None) -> Tensor:
    return network(ids_BT, end)


def _of_language_model(network: nn.Module, ids_BT: Tensor) -> Tensor:
    return network(input_ids=ids_BT, use_cache=False).logits.flatten(0, 1)
