"""Genomes and libraries of trails in the working folder, and what they may name."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from litho.core.encoding import read_utf8
from litho.core.errors import LithoError
from litho.serve.folder import Folder, is_text

if TYPE_CHECKING:
    from litho.text.school.genome import Genome

GENOME_MARK, LIBRARY_MARK = "litho.genome/1", "\nforms:"
SUFFIXES = (".yaml", ".yml")
MOST_BYTES = 1_000_000  # of such a file
MOST_FILES = 2000  # that are looked at
SHIPPED = "starter.yaml"  # what the library that comes with Litho is called


def genomes_of(folder: Folder) -> list[str]:
    """Files of genomes in the folder and in those within it."""
    return [path for path, text in _files(folder) if GENOME_MARK in text]


def libraries_of(folder: Folder) -> list[str]:
    """Files of trails, likewise."""
    return [path for path, text in _files(folder) if LIBRARY_MARK in text]


def _files(folder: Folder) -> Iterator[tuple[str, str]]:
    root = folder.path
    found = sorted(path for level in ("*", "*/*") for path in root.glob(level))
    for path in [path for path in found if path.suffix in SUFFIXES][:MOST_FILES]:
        name = str(path.relative_to(root))
        if not is_text(name):
            continue
        try:
            yield name, read_source(folder, name)
        except LithoError:
            continue


def read_source(folder: Folder, name: str) -> str:
    """The text of a file of the folder. Raises LithoError if it lies elsewhere, or is too large."""
    path = folder.inside(name)
    if path.suffix not in SUFFIXES or not path.is_file():
        raise LithoError(f"there is no file {name} that ends in .yaml")
    if path.stat().st_size > MOST_BYTES:
        raise LithoError(f"{name} is too large: at most {MOST_BYTES // 1_000_000} MB")
    return read_utf8(path)


def read_genome(folder: Folder, name: str, models: list[str]) -> "Genome":
    """A genome of the folder, whose files lie there, too, and whose models are offered.

    Raises LithoError if it is at fault.
    """
    from litho.text.school.genome import parse_genome

    path = folder.inside(name)
    check_named(folder, path, read_source(folder, name), models)
    return parse_genome(read_source(folder, name), name, path.parent)


def check_named(folder: Folder, path: Path, written: str, models: list[str]) -> None:
    """Raises LithoError if a genome would open a file elsewhere, or a model that is not offered."""
    import yaml

    try:
        values = yaml.load(written, getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except (yaml.YAMLError, ValueError, RecursionError):
        return  # which parsing it says with its line
    if not isinstance(values, dict):
        return
    library = values.get("library")
    for book in library.values() if isinstance(library, dict) else ():
        source = book.get("source") if isinstance(book, dict) else None
        if isinstance(source, str) and source.startswith("file:"):
            there = (path.parent / source.removeprefix("file:")).resolve()
            if not there.is_relative_to(folder.path):
                raise LithoError(f"the book {source} is not beneath the folder that is served")
    tokenizer = values.get("tokenizer")
    named = [values.get("start"), tokenizer.get("model") if isinstance(tokenizer, dict) else None]
    for model in named:
        if model is not None and model not in models and not _beneath(folder, path, model):
            raise LithoError("the genome goes on with a model that this page does not offer")


def _beneath(folder: Folder, path: Path, model: object) -> bool:
    """Whether a model, or a build, is a folder of the one that is served."""
    if not isinstance(model, str) or not model:
        return False
    there = (path.parent / model).resolve()
    return there.is_dir() and there.is_relative_to(folder.path) and there != folder.path
