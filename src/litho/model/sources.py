"""Finding models: bundled, tiny, local folder or hub id. Safetensors only."""

import hashlib
import json
import math
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from filelock import FileLock
from huggingface_hub import snapshot_download
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError
from platformdirs import user_cache_path
from safetensors import SafetensorError, safe_open

from litho.core.errors import LithoError, first_line
from litho.core.files import whole_file
from litho.model import bundled, tiny

DEFAULT = f"bundled:{bundled.NAME}"
_PICKLED = (".bin", ".pt", ".pth", ".ckpt", ".pkl")
_HUB_FILES = ["*.json", "*.safetensors", "*.model", "*.jinja", "merges.txt", "vocab.txt"]
_LFS_POINTER = b"version https://git-lfs"
_SUBFOLDERS = ["*/*"]  # often the same weights once more, in another form
_SHA_FILE = "litho-sha256.txt"
_HASHES = "hashes.json"  # in the cache folder: path -> size, time of the last change, SHA-256


@dataclass(frozen=True)
class ModelSource:
    """A model on disk."""

    name: str  # as the user gave it
    folder: Path
    reference: str  # what an adapter names as its base: hub id or folder
    revision: str | None = None  # commit, for hub models

    @property
    def pinned(self) -> str:
        """A name that means the same model later and from another folder."""
        if self.name.startswith(("bundled:", "tiny:")):
            return self.name
        return f"{self.reference}@{self.revision}" if self.revision else self.reference

    def described(self) -> dict[str, Any]:
        """The model for a manifest: where it came from and the hash of its weights."""
        return {
            "name": self.name,
            "base": self.reference,
            "revision": self.revision,
            "sha256": self.sha256(),
        }

    def sha256(self) -> str:
        """One hash over the weight files."""
        total = hashlib.sha256()
        for path in self._weights():
            status = path.stat()
            total.update(_sha256(path.resolve(), status.st_size, status.st_mtime_ns).encode())
        return total.hexdigest()

    def parameters(self) -> int:
        """How many numbers the weight files hold, of which only the headers are read.

        Raises LithoError if one is damaged.
        """
        count = 0
        for path in self._weights():
            try:
                with safe_open(path, "pt") as file:
                    shapes = [file.get_slice(key).get_shape() for key in list(file.keys())]
            except (OSError, SafetensorError) as error:
                raise LithoError(
                    f"{self.name} cannot be loaded: {path.name} is damaged or cut short "
                    f"({first_line(error)}); copy or fetch it again"
                ) from None
            count += sum(map(math.prod, shapes))
        return count

    def _weights(self) -> list[Path]:
        return sorted(self.folder.glob("*.safetensors"))


@cache
def _sha256(path: Path, size: int, changed: int) -> str:
    """Hash of a file of that size, last changed then: large files are read once a machine."""
    kept = _kept_hashes().get(str(path))
    if kept and kept[:2] == [size, changed]:
        return str(kept[2])
    hashed = bundled.sha256(path)
    _keep_hash(path, [size, changed, hashed])
    return hashed


def _kept_hashes() -> dict[str, list[Any]]:
    try:
        hashes = json.loads((cache_folder() / _HASHES).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return hashes if isinstance(hashes, dict) else {}


def _keep_hash(path: Path, entry: list[Any]) -> None:
    """Note a hash where it can be noted; elsewhere it is worked out again next time."""
    kept = cache_folder() / _HASHES
    try:
        kept.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(kept.with_suffix(".lock")), whole_file(kept) as temporary:
            there = {name: e for name, e in _kept_hashes().items() if Path(name).exists()}
            temporary.write_text(json.dumps(there | {str(path): entry}), encoding="utf-8")
    except OSError:
        return


def locate(name: str) -> ModelSource:
    """Find the model that `name` means and make its files available on disk.

    `bundled:smollm2-135m`, `tiny:ARCHITECTURE`, a folder, or a hub id with an optional
    `@revision`. Raises LithoError with the mend if there is no such model or it has no
    safetensors.
    """
    kind, _, rest = name.partition(":")
    if kind == "bundled":
        if rest != bundled.NAME:
            raise LithoError(f"there is no {name}: the bundled model is {DEFAULT}")
        return _own(name, bundled.convert)
    if kind == "tiny":
        if rest not in tiny.ARCHITECTURES:
            raise LithoError(f"there is no {name}: choose one of {', '.join(tiny.ARCHITECTURES)}")
        return _own(name, lambda folder: tiny.build(rest, folder))
    if Path(name).exists() or name.startswith((".", "/", "~")):
        folder = expanded(name).resolve()
        _check_folder(folder)
        return ModelSource(name, folder, str(folder))
    return _from_hub(name)


def expanded(path: str) -> Path:
    """The path with `~` put in full. Raises LithoError if there is no such user."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        raise LithoError(f"there is no folder {path}: its user is unknown") from None


def cache_folder() -> Path:
    """Where converted models are kept: $LITHO_CACHE, else the user's cache folder."""
    return Path(os.environ.get("LITHO_CACHE") or user_cache_path("litho"))


def _own(name: str, build: Callable[[Path], None]) -> ModelSource:
    """A model that Litho makes itself: built once, under a lock, checked ever after."""
    folder = cache_folder() / name.replace(":", "-")
    try:
        if not (folder / _SHA_FILE).is_file():  # one that is there may be in a read-only folder
            folder.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(folder.with_suffix(".lock")):
                if not (folder / _SHA_FILE).is_file():
                    _build(folder, build)
    except OSError as error:
        raise LithoError(
            f"the model cache {folder.parent} cannot be written ({error.strerror}): "
            "set LITHO_CACHE to a folder with 1 GiB of free space"
        ) from None
    source = ModelSource(name, folder, str(folder))
    if source.sha256() != (folder / _SHA_FILE).read_text().strip():
        raise LithoError(f"the converted model in {folder} is damaged: delete that folder")
    return source


def _build(folder: Path, build: Callable[[Path], None]) -> None:
    partial = folder.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    shutil.rmtree(folder, ignore_errors=True)
    try:
        build(partial)
        (partial / _SHA_FILE).write_text(ModelSource("", partial, "").sha256())
        partial.rename(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _check_folder(folder: Path) -> None:
    if not folder.is_dir():
        raise LithoError(f"there is no folder {folder}")
    _check_no_adapter(folder)
    if not (folder / "config.json").is_file():
        raise LithoError(
            f"{folder} is no model: it holds no config.json; "
            "give a folder saved with save_pretrained, or a hub id"
        )
    _check_fetched(folder)
    if any(folder.glob("*.safetensors")):
        _check_config(folder / "config.json")
        return
    pickled = [path.name for path in folder.iterdir() if path.suffix in _PICKLED]
    if pickled:
        raise LithoError(
            f"{folder} has its weights in {pickled[0]}, a pickle file that can run code when it "
            "is loaded: save it again with save_pretrained(..., safe_serialization=True)"
        )
    raise LithoError(f"{folder} holds no weights: there is no *.safetensors in it")


def _check_no_adapter(folder: Path) -> None:
    """Raises LithoError where transformers would put an adapter on the model without a word."""
    if not (folder / "adapter_config.json").is_file():
        return
    if not [*folder.glob("model*.safetensors"), *folder.glob("pytorch_model*.bin")]:
        raise LithoError(
            f"{folder} is an adapter and no model: give the model on which it was trained, and "
            "this folder as --adapter (map) or as MODEL+FOLDER (diff)"
        )
    raise LithoError(
        f"{folder} holds an adapter beside the model, which may be in its weights already: move "
        "adapter_config.json and adapter_model.* into a folder of their own; the model can be "
        "read with them (--adapter, MODEL+FOLDER) or without"
    )


def _check_fetched(folder: Path) -> None:
    """A clone without git-lfs holds a line of text in place of every large file."""
    for path in sorted(folder.iterdir()):
        if path.is_file() and is_lfs_pointer(path):
            raise LithoError(
                f"{path} is a git-lfs pointer, not the file itself: run 'git lfs pull' in "
                "that folder"
            )


def is_lfs_pointer(path: Path) -> bool:
    """Whether a file is the line of text that git-lfs puts in place of a large one."""
    with path.open("rb") as file:
        return file.read(len(_LFS_POINTER)) == _LFS_POINTER


def _check_config(path: Path) -> None:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise LithoError(f"{path} cannot be read: {first_line(error)}") from None
    if not isinstance(found, dict) or not found.get("model_type"):
        raise LithoError(
            f"{path} has no model_type: take the config.json that belongs to the weights"
        )


def _from_hub(name: str) -> ModelSource:
    repository, _, revision = name.partition("@")
    try:
        folder = Path(
            snapshot_download(
                repository,
                revision=revision or None,
                allow_patterns=_HUB_FILES,
                ignore_patterns=_SUBFOLDERS,
            )
        )
    except HFValidationError:
        raise LithoError(
            f"{name} is neither a folder nor a hub id: write ORGANISATION/MODEL@REVISION"
        ) from None
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        raise LithoError(
            f"{name} cannot be fetched from the hub ({first_line(error)}): check the id, the "
            "revision and the network, or give a local folder"
        ) from None
    _check_folder(folder)
    # The snapshot folder is named after the commit, which pins what a branch name leaves open.
    return ModelSource(name, folder, repository, revision=folder.name)
