"""GGUF by llama.cpp's own converter, where that is present; no torch."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import get_args

from litho.core.errors import LithoError
from litho.jobs.export.result import GgufType

SCRIPT = "convert_hf_to_gguf.py"
PLACE = "LLAMA_CPP"  # environment variable: the folder of llama.cpp


def converter() -> Path:
    """Raises LithoError if it is found neither in $LLAMA_CPP nor among the programs."""
    folder = os.environ.get(PLACE)
    found = Path(folder, SCRIPT) if folder else None
    if found is None and (program := shutil.which(SCRIPT)):
        found = Path(program)
    if found is None or not found.is_file():
        where = f"not in {folder} ({PLACE})" if folder else f"{PLACE} is not set"
        raise LithoError(
            f"GGUF needs llama.cpp's {SCRIPT}, which was not found ({where}): clone "
            f"https://github.com/ggml-org/llama.cpp and set {PLACE} to that folder"
        )
    return found


def check_type(kind: str) -> None:
    """Raises LithoError if the converter knows no such type, or there is no converter."""
    if kind not in get_args(GgufType):
        known = ", ".join(get_args(GgufType))
        raise LithoError(f"unknown type of GGUF {kind!r}: choose one of {known}")
    converter()


def convert(folder: Path, kind: str, name: str) -> Path:
    """Write FOLDER/model-KIND.gguf, of a model called `name`. Raises LithoError if it fails."""
    file = folder / f"model-{kind}.gguf"
    command = [sys.executable, str(converter()), str(folder)]
    options = ["--outfile", str(file), "--outtype", kind, "--model-name", name]
    done = subprocess.run([*command, *options], capture_output=True, text=True)
    if done.returncode or not file.is_file():
        lines = [line.strip() for line in (done.stderr or done.stdout).splitlines() if line.strip()]
        reason = lines[-1] if lines else f"exit code {done.returncode}"
        raise LithoError(f"llama.cpp's converter cannot convert this model: {reason[:300]}")
    return file
