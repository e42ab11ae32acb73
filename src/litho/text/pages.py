"""Pages that are printed: read from files and folders, and from the inputs of a run."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from litho.core.errors import LithoError
from litho.core.records import Record
from litho.text.items import Probe, read_probes

ENDINGS = (".md", ".txt")  # of the pages in a folder
BESIDE = (".probes.jsonl", ".chat.jsonl")  # of the files of probes beside a page


class Page(Record):
    """A page with the questions about it, as a run keeps it."""

    name: str
    text: str
    marked: str | None = None  # the text with its marks, if it may have any
    probes: tuple[Probe, ...] | None = None  # None: Litho makes them


def pages_in(inputs: Mapping[str, Any]) -> tuple[Page, ...]:
    """The pages in the inputs of a run; those of earlier versions held one, key by key."""
    if "pages" in inputs:
        return tuple(Page.model_validate(page) for page in inputs["pages"])
    return (Page(name=inputs["text_name"], **{key: inputs.get(key) for key in _OF_ONE}),)


_OF_ONE = ("text", "marked", "probes")


def page_files(paths: Sequence[Path]) -> tuple[list[Path], list[str]]:
    """The files that `paths` name, a folder standing for its pages in order of their names.

    And the names of what else lies in the folders, but for hidden files. Raises LithoError if a
    folder holds no page.
    """
    files: list[Path] = []
    others: list[str] = []
    for path in paths:
        if not path.is_dir():
            files.append(path)
            continue
        there = sorted(p for p in _listed(path) if not p.name.startswith("."))
        own = [p for p in there if p.is_file() and p.suffix.lower() in ENDINGS]
        if not own:
            raise LithoError(f"the folder {path} holds no page: no file in it ends in .md or .txt")
        known = {*own, *(beside for page in own for beside in _beside(page))}
        files += own
        others += [p.name + "/" * p.is_dir() for p in there if p not in known]
    return files, others


def probes_beside(page: Path) -> tuple[list[Probe] | None, list[str]]:
    """The probes in the files beside a page, none if there are no files; and the files' names."""
    there = [path for path in _beside(page) if path.is_file()]
    if not there:
        return None, []
    return [probe for path in there for probe in read_probes(path)], [path.name for path in there]


def _beside(page: Path) -> list[Path]:
    return [page.with_name(page.stem + ending) for ending in BESIDE]


def _listed(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError as error:
        raise LithoError(f"the folder {folder} cannot be read ({error.strerror})") from None
