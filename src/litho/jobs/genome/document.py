"""The outline of a genome's structure document, from its file."""

from pathlib import Path

from litho.core.errors import LithoError
from litho.jobs.genome.outline import outline_of
from litho.jobs.genome.records import Outline
from litho.text.school.genome import read_genome
from litho.text.school.stages import School

PAGES, TEXTS = (".html", ".htm"), (".md",)
HEAD = 1000  # bytes in which a document says that it is one


def check_document(out: Path, mark: str) -> None:
    """Raises LithoError unless `out` names a document that is new, or was written before."""
    if out.suffix.lower() not in (*PAGES, *TEXTS):
        raise LithoError(f"{out} names no kind of document: let it end in .html or .md")
    if not out.absolute().parent.is_dir():
        raise LithoError(f"there is no folder {out.absolute().parent}: make it first")
    if out.exists() and (not out.is_file() or mark.encode() not in _head(out)):
        raise LithoError(f"{out} exists already and is no such document: choose another --out")


def read_outline(genome: Path) -> Outline:
    """Raises LithoError, with line and field, if anything in the genome is wrong."""
    folder = genome.absolute().parent
    return outline_of(School.of(read_genome(genome), folder), folder)


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(HEAD)
