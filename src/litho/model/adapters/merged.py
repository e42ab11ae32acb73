"""An adapter added into the weights of its base, and the whole written as a model of its own."""

from pathlib import Path
from typing import Any

from litho.core.errors import LithoError, first_line
from litho.model.loaded import LanguageModel
from litho.model.placement import DTYPES


def merge(model: LanguageModel, name: str) -> None:
    """Add the adapter `name` into the weights: the model is then a base that answers like both.

    Raises LithoError if PEFT cannot merge it.
    """
    try:
        model.network = model.network.merge_and_unload(safe_merge=True, adapter_names=[name])
    except (ValueError, RuntimeError, NotImplementedError) as error:
        raise LithoError(f"the adapter cannot be merged: {first_line(error)}") from None
    model.adapters, model.on = [], []


def write_whole(model: LanguageModel, folder: Path, dtype: str) -> None:
    """Write weights (safetensors), configuration and tokenizer into `folder`.

    The weights of `model` are in `dtype` afterwards, too.
    """
    network: Any = model.network.to(DTYPES[dtype])
    network.config.dtype = DTYPES[dtype]
    network.save_pretrained(folder)
    model.tokenizer.save_pretrained(folder)
