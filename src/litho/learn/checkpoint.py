"""Checkpoints: what a training has come to, tensors and JSON in one safetensors file."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from litho.core.errors import LithoError
from litho.core.files import damage_told, whole_file
from litho.model.placement import random_states, set_random_states

FORMAT = "litho training 2"


@dataclass
class Memory:
    """What a part of a training remembers from step to step."""

    tensors: dict[str, Tensor] = field(default_factory=dict)
    values: Any = None  # JSON


@runtime_checkable
class Remembers(Protocol):
    """A part of a training that goes on from what it remembers."""

    def memory(self) -> Memory: ...

    def recall(self, memory: Memory) -> None: ...


def write_checkpoint(path: Path, parts: Mapping[str, Memory]) -> None:
    """Write the memories of the parts of a training, by the name of the part, as a whole file."""
    tensors = {
        f"{part} {key}": tensor.detach().contiguous()
        for part, memory in parts.items()
        for key, tensor in memory.tensors.items()
    }
    values = {part: memory.values for part, memory in parts.items()}
    with whole_file(path) as temporary:
        save_file(tensors, temporary, {"format": FORMAT, "values": json.dumps(values)})


def read_checkpoint(path: Path) -> dict[str, Memory]:
    """What `write_checkpoint` wrote, on the CPU.

    Raises LithoError if it is damaged or of another version.
    """
    with damage_told(path), safe_open(path, "pt") as file:
        about = file.metadata() or {}
        if about.get("format") != FORMAT:
            raise LithoError(
                f"the checkpoint {path} is of another version of Litho: delete it, and this "
                "training starts from the beginning"
            )
        parts = {part: Memory(values=v) for part, v in json.loads(about["values"]).items()}
        for key in file.keys():  # noqa: SIM118  no mapping
            part, _, name = key.partition(" ")
            parts[part].tensors[name] = file.get_tensor(key)
    return parts


def weights_memory(weights: Mapping[str, nn.Parameter]) -> Memory:
    return Memory(dict(weights))


@torch.no_grad()
def recall_weights(weights: Mapping[str, nn.Parameter], memory: Memory) -> None:
    for name, tensor in memory.tensors.items():
        weights[name].copy_(tensor)


def optimizer_memory(optimizer: torch.optim.Optimizer) -> Memory:
    """The moments and step counts; learning rates are set anew in each step."""
    return Memory(
        {
            f"{number} {kind}": value
            for number, state in optimizer.state_dict()["state"].items()
            for kind, value in state.items()
            if isinstance(value, Tensor)
        }
    )


def recall_optimizer(optimizer: torch.optim.Optimizer, memory: Memory) -> None:
    """Each moment goes to the device and dtype of its parameter."""
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in memory.tensors.items():
        number, _, kind = key.partition(" ")
        state.setdefault(int(number), {})[kind] = value
    optimizer.load_state_dict(optimizer.state_dict() | {"state": state})


def random_memory(device: torch.device) -> Memory:
    """torch's generators of the CPU and of a device."""
    return Memory(random_states(device))


def recall_random(memory: Memory, device: torch.device) -> None:
    set_random_states(memory.tensors, device)
