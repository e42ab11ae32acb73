"""A model of which all weights are trained, whether it is new or not."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch
from torch import Tensor, nn

from litho.model.codec import Codec
from litho.model.loaded import LanguageModel
from litho.model.micro import MicroModel, Shape
from litho.model.placement import Placement

_TOKENIZER = ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json")


@dataclass(frozen=True)
class Learner:
    """A network in float32, and what a training needs of it."""

    network: nn.Module
    read: Callable[[nn.Module, Tensor], Tensor]  # from network and ids_BT to logits_NV
    save: Callable[[Path], None]  # into a new folder, as transformers loads it

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


def new_learner(shape: Shape, seed: int, codec: Codec | None, placement: Placement) -> Learner:
    """A micro model with random weights; without a codec it cannot be saved."""
    network = MicroModel(shape, seed).to(placement.device)

    def save(folder: Path) -> None:
        assert codec is not None
        network.save(folder, codec)

    return Learner(network, _of_micro, save)


def learner_of(model: LanguageModel) -> Learner:
    """A model that goes on, without dropout; it must have been loaded in float32."""
    network = model.network.requires_grad_(True).eval()

    def save(folder: Path) -> None:
        network.save_pretrained(folder)
        for path in model.source.folder.iterdir():
            if path.name in _TOKENIZER or path.suffix == ".jinja":
                shutil.copyfile(path, folder / path.name)

    return Learner(network, _of_language_model, save)


# Functions of a module, since other processes are given them.
def _of_micro(network: nn.Module, ids_BT: Tensor) -> Tensor:
    return network(ids_BT)


def _of_language_model(network: nn.Module, ids_BT: Tensor) -> Tensor:
    return network(input_ids=ids_BT, use_cache=False).logits.flatten(0, 1)
