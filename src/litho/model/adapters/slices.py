"""Parts of the rank of a saved LoRA adapter: taken over into another, and taken out."""

import json
import re
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from litho.core.files import whole_folder
from litho.model.adapters import files

# Shapes: O and I outputs and inputs of a matrix, R rank.
_PREFIX, _A, _B = "base_model.model.", ".lora_A.weight", ".lora_B.weight"


@dataclass(frozen=True)
class Factors:
    """A and B of a saved adapter by name of the layer: it adds `scale` B A."""

    a_RI: dict[str, Tensor]
    b_OR: dict[str, Tensor]
    scale: float

    @property
    def kinds(self) -> tuple[str, ...]:
        """What names of its layers end in, behind the number of the block."""
        names = (re.split(r"\.\d+\.", name, maxsplit=1)[-1] for name in self.a_RI)
        return tuple(dict.fromkeys(names))

    def joined(self, keys_RI: dict[str, Tensor]) -> dict[str, Tensor]:
        """A with further rows below."""
        return {name: torch.cat([self.a_RI[name].to(key), key]) for name, key in keys_RI.items()}

    def scaled_by(self, scale: float) -> dict[str, Tensor]:
        """B that adds the same under another scale."""
        return {name: b_OR * (self.scale / scale) for name, b_OR in self.b_OR.items()}


def factors_in(folder: Path) -> Factors:
    """Raises LithoError if the folder holds no LoRA adapter."""
    tensors, said = files.tensors(folder), files.settings(folder)

    def ending(name: str) -> dict[str, Tensor]:
        return {
            key.removeprefix(_PREFIX).removesuffix(name): tensor
            for key, tensor in tensors.items()
            if key.endswith(name)
        }

    return Factors(ending(_A), ending(_B), said["lora_alpha"] / said["r"])


def without(folder: Path, start: int, stop: int, out: Path) -> None:
    """Write an adapter without a part of its rank, from `start` to before `stop`; not all of it."""
    said = files.settings(folder)
    scale, rank = said["lora_alpha"] / said["r"], said["r"] - (stop - start)
    alpha = max(1, round(scale * rank))
    kept = {}
    for key, tensor in files.tensors(folder).items():
        if key.endswith(_A):
            kept[key] = torch.cat([tensor[:start], tensor[stop:]])
        else:
            left = torch.cat([tensor[:, :start], tensor[:, stop:]], 1)
            kept[key] = left * (scale / (alpha / rank))
    settings = said | {"r": rank, "lora_alpha": alpha}
    with whole_folder(out) as half:
        (half / files.CONFIG).write_text(json.dumps(settings, indent=1), encoding="utf-8")
        save_file(kept, half / files.WEIGHTS, metadata={"format": "pt"})
