"""What lies in the folder of a saved LoRA adapter, checked before it is put on a model."""

import dataclasses
import json
import warnings
from importlib.metadata import version
from pathlib import Path
from typing import Any

from peft import LoraConfig
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from litho.core.errors import LithoError, first_line
from litho.model.bundled import sha256
from litho.model.sources import is_lfs_pointer

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
_PICKLED = ("adapter_model.bin", "adapter_model.pt", "pytorch_model.bin")
_KNOWN = {field.name for field in dataclasses.fields(LoraConfig)} | {"runtime_config"}
# Ways to begin that leave the base as it is; all others take something out of its weights.
_HARMLESS = (None, True, False, "gaussian", "eva", "orthogonal", "mica")
_MORE = {
    "modules_to_save": "replaces whole modules",
    "trainable_token_indices": "changes the embeddings of some tokens",
    "layer_replication": "repeats layers",
}


def rank(folder: Path) -> int:
    """Rank of a saved LoRA adapter. Raises LithoError if the folder holds none."""
    given = settings(folder).get("r")
    if not isinstance(given, int) or given < 1:
        raise LithoError(f"the adapter {folder} is no LoRA: its {CONFIG} has no rank r")
    return given


def notices(folder: Path) -> list[str]:
    """What to tell of an adapter that can be read: one sentence, or nothing."""
    unknown = sorted(settings(folder).keys() - _KNOWN)
    if not unknown:
        return []
    return [
        f"{CONFIG} of the adapter {folder} has settings that the installed PEFT "
        f"{version('peft')} does not know ({', '.join(unknown)}): it is read without them, as "
        "PEFT itself would; a newer one may read it differently"
    ]


def peft_config(folder: Path) -> LoraConfig:
    """The configuration under which PEFT puts the adapter on, without settings unknown to it."""
    known = {key: value for key, value in settings(folder).items() if key in _KNOWN}
    known.pop("runtime_config", None)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            config = LoraConfig(**known | {"task_type": "CAUSAL_LM"})
    except (TypeError, ValueError, ImportError) as error:
        raise LithoError(f"{folder / CONFIG} cannot be used: {first_line(error)}") from None
    config.inference_mode = True
    return config


def tensors(folder: Path) -> dict[str, Tensor]:
    """The weights of an adapter by their names in the file, on the CPU.

    Raises LithoError if there are none, or one is not finite.
    """
    path = folder / WEIGHTS
    try:
        if is_lfs_pointer(path):
            raise LithoError(
                f"{path} is a pointer of git-lfs, not the weights: fetch them with 'git lfs pull'"
            )
        weights = load_file(path)
    except (OSError, SafetensorError) as error:
        raise LithoError(f"{path} is damaged ({first_line(error)})") from None
    if not weights:
        raise LithoError(f"{path} holds no weights: the adapter was saved wrongly")
    broken = sorted(name for name, weight in weights.items() if not weight.float().isfinite().all())
    if broken:
        raise LithoError(
            f"{path} holds NaN or infinity in {len(broken)} of {len(weights)} tensors, for example "
            f"{broken[0]}: its training diverged, or the file is damaged"
        )
    return weights


def settings(folder: Path) -> dict[str, Any]:
    """What adapter_config.json says of an adapter that Litho can use.

    Raises LithoError if the folder holds none.
    """
    _check_files(folder)
    try:
        said = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise LithoError(f"{folder / CONFIG} cannot be read: {first_line(error)}") from None
    if not isinstance(said, dict):
        raise LithoError(f"{folder / CONFIG} cannot be read: it is no JSON object")
    _check_kind(folder, said)
    return said


def _check_files(folder: Path) -> None:
    weights = (folder / WEIGHTS).is_file()
    if not weights and any(folder.glob("model*.safetens*")):
        raise LithoError(
            f"the adapter in {folder} has been merged already: what lies there is a whole model; "
            "take its adapter_config.json away and give the folder as a model"
        )
    if not (folder / CONFIG).is_file():
        raise LithoError(f"{folder} is no PEFT adapter: {CONFIG} is missing")
    if weights:
        return
    pickled = next((name for name in _PICKLED if (folder / name).is_file()), None)
    if pickled:
        raise LithoError(
            f"the adapter {folder} has its weights in {pickled}, a pickle file that can run code "
            "when it is loaded: save it again with PEFT's save_pretrained, which writes "
            "safetensors"
        )
    raise LithoError(f"{folder} is no PEFT adapter with safetensors: {WEIGHTS} is missing")


def _check_kind(folder: Path, said: dict[str, Any]) -> None:
    """Raises LithoError on what is no LoRA, or leaves no base as it was without the adapter."""
    if (kind := said.get("peft_type")) != "LORA":
        raise LithoError(
            f"the adapter {folder} is no LoRA, but {kind}: merge it into its model, if its kind "
            "can be merged, and give that model"
        )
    if said.get("alora_invocation_tokens"):
        raise LithoError(
            f"the adapter {folder} is an activated LoRA: it does nothing before its invocation "
            f"tokens ({_listed(said['alora_invocation_tokens'])}), which a text does not hold; "
            "Litho does not read it"
        )
    more = [f"{does} ({key})" for key, does in _MORE.items() if said.get(key)]
    if (bias := said.get("bias", "none")) != "none":
        more.append(f"trains biases of the base (bias={bias})")
    if (begun := said.get("init_lora_weights")) not in _HARMLESS:
        more.append(f"took a part of the base's weights into itself (init_lora_weights={begun})")
    if more:
        raise LithoError(
            f"the adapter {folder} {', '.join(more)}: without it the model would not be the base "
            "any more; merge it and give the merged model"
        )


def _listed(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def adapter_sha256(folder: Path) -> str:
    """Hash of the weights of a saved adapter."""
    return sha256(folder / WEIGHTS)
