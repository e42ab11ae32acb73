"""A version of the data set: a folder of plain files that says where each text comes from."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from litho.core.errors import LithoError
from litho.core.files import whole_folder
from litho.core.records import Record
from litho.jobs.rewrite.data import REWRITTEN, Text
from litho.jobs.rewrite.judges import Answered
from litho.text.jsonl import values
from litho.text.school.rewriting.entries import Entry
from litho.text.school.rewriting.guard import Guard

ANSWERS, ENTRIES, DOCUMENTS, LINEAGE = (
    "answers.jsonl", "entries.jsonl", "documents.jsonl", "lineage.json",
)  # fmt: skip


def write_version(
    folder: Path,
    answers: Sequence[Answered],
    entries: Sequence[Entry],
    documents: Sequence[Text],
    lineage: dict[str, Any],
) -> None:
    """Write all files of a version; the folder is there whole or not at all."""
    write_files(folder, {ANSWERS: answers, ENTRIES: entries, DOCUMENTS: documents}, lineage)


def write_files(
    folder: Path, files: Mapping[str, Sequence[Record]], lineage: dict[str, Any]
) -> None:
    """Write records by the names of their files, and the lineage; all of them or none."""
    text = json.dumps(lineage, indent=1, ensure_ascii=False)
    with whole_folder(folder) as half:
        for name, records in files.items():
            lines = "".join(each.model_dump_json() + "\n" for each in records)
            (half / name).write_text(lines, encoding="utf-8")
        (half / LINEAGE).write_text(text, encoding="utf-8")


def read_entries(folder: Path) -> list[Entry]:
    return [Entry(**value) for value in read_rows(folder / ENTRIES)]


def read_documents(folder: Path) -> list[Text]:
    return [Text(**value) for value in read_rows(folder / DOCUMENTS)]


def read_lineage(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / LINEAGE).read_text(encoding="utf-8"))
    return found


def leaks_of(folder: Path, guard: Guard) -> int:
    """Rewritten texts of a version that should not be there, read from its files. 0, or an error.

    Also counts texts that stand in no entry.
    """
    entries = {entry.id: entry for entry in read_entries(folder)}
    found = sum(bool(guard.objection(e.facts, e.text)) for e in entries.values())
    for text in read_documents(folder):
        known = entries.get(text.entry or "")
        found += text.kind == REWRITTEN and (known is None or known.text != text.text)
    return found


def read_rows(path: Path) -> list[Any]:
    """The values of a file of a version. Raises LithoError if it is missing or damaged."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError:
        raise LithoError(f"{path} is missing: without it the run cannot go on") from None
    return [value for _, value in values(text, str(path))]
