"""Saved LoRA adapters: directories as plain PEFT writes and reads them."""

import json
import shutil
import warnings
from pathlib import Path
from typing import Any

from peft import PeftModel
from safetensors import SafetensorError
from safetensors.torch import save_file

from litho.core.errors import LithoError, first_line
from litho.model.adapters.lora import added, unnamed, weights
from litho.model.bundled import sha256
from litho.model.loaded import LanguageModel


def save(model: LanguageModel, name: str, folder: Path) -> None:
    """Write an adapter as a PEFT directory that plain `PeftModel.from_pretrained` loads."""
    partial = folder.with_name(folder.name + ".writing")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    config = model.network.peft_config[name].to_dict()
    config["inference_mode"] = True
    config["target_modules"] = sorted(config["target_modules"])
    (partial / "adapter_config.json").write_text(json.dumps(config, indent=1, default=str))
    tensors = {
        unnamed(n, name): p.detach().cpu().contiguous() for n, p in weights(model, name).items()
    }
    save_file(tensors, partial / "adapter_model.safetensors", metadata={"format": "pt"})
    shutil.rmtree(folder, ignore_errors=True)
    partial.rename(folder)


def rank(folder: Path) -> int:
    """Rank of a saved LoRA adapter. Raises LithoError if the folder holds none."""
    saved_rank = _checked_config(folder).get("r")
    if not isinstance(saved_rank, int) or saved_rank < 1:
        raise LithoError(f"the adapter {folder} is no LoRA: its adapter_config.json has no rank r")
    return saved_rank


def load(model: LanguageModel, name: str, folder: Path) -> None:
    """Hang a saved adapter on the model under `name`.

    Raises LithoError if the folder holds no adapter or one with pickled weights.
    """
    _checked_config(folder)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)  # how PEFT reports missing weights
            if isinstance(model.network, PeftModel):
                model.network.load_adapter(str(folder), adapter_name=name)
            else:
                model.network = PeftModel.from_pretrained(
                    model.network, str(folder), adapter_name=name
                )
    except (ValueError, RuntimeError, TypeError, SafetensorError, UserWarning) as error:
        raise LithoError(
            f"the adapter {folder} does not fit {model.source.name}: {first_line(error)[:200]}"
        ) from None
    model.network.eval()
    added(model, name)


def _checked_config(folder: Path) -> dict[str, Any]:
    """The configuration of a saved adapter that Litho can use."""
    if not (folder / "adapter_model.safetensors").is_file() and any(
        folder.glob("model*.safetens*")
    ):
        raise LithoError(
            f"the adapter in {folder} has been merged already: what lies there is a whole model; "
            "take its adapter_config.json away and give the folder as a model"
        )
    for file in ("adapter_config.json", "adapter_model.safetensors"):
        if not (folder / file).is_file():
            raise LithoError(f"{folder} is no PEFT adapter with safetensors: {file} is missing")
    try:
        config: dict[str, Any] = json.loads(
            (folder / "adapter_config.json").read_text(encoding="utf-8")
        )
    except (OSError, ValueError) as error:
        raise LithoError(f"{folder}/adapter_config.json cannot be read: {error}") from None
    if config.get("peft_type") != "LORA":
        raise LithoError(f"the adapter {folder} is no LoRA, but {config.get('peft_type')}")
    unknown = [k for k in ("trainable_token_indices", "lora_bias") if config.get(k)]
    if unknown:
        raise LithoError(
            f"the adapter {folder} changes more than linear layers ({', '.join(unknown)}): merge "
            "it and compare the merged model"
        )
    if config.get("modules_to_save"):
        raise LithoError(
            f"the adapter {folder} replaces whole modules ({', '.join(config['modules_to_save'])}, "
            "modules_to_save): without it the model would not be the base any more; "
            "merge it and compare the merged model"
        )
    return config


def adapter_sha256(folder: Path) -> str:
    """Hash of the weights of a saved adapter."""
    return sha256(folder / "adapter_model.safetensors")
