"""A version of the presentations: a folder of plain files that says where each text comes from."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from litho.core.errors import LithoError
from litho.jobs.reprint.judges import Answered
from litho.jobs.reprint.tasks import Guard
from litho.jobs.reprint.writing import Entry, Shown
from litho.jobs.rewrite.versions import ANSWERS, ENTRIES, read_rows, write_files

SHOWN = "presentations.jsonl"


def write_version(
    folder: Path,
    answers: Sequence[Answered],
    entries: Sequence[Entry],
    shown: Sequence[Shown],
    lineage: dict[str, Any],
) -> None:
    """Write all files of a version; the folder is there whole or not at all."""
    write_files(folder, {ANSWERS: answers, ENTRIES: entries, SHOWN: shown}, lineage)


def read_entries(folder: Path, guard: Guard) -> list[Entry]:
    """The rewritten texts of a version, as they are to be presented.

    Raises LithoError if one of them asks what the report asks.
    """
    path = folder / ENTRIES
    found = [Entry(**value) for value in read_rows(path)]
    for entry in found:
        objection = entry.question and guard.objection(entry.question, entry.text, entry.fact)
        if objection:
            raise LithoError(f"{path} holds {objection}, which nothing that is shown may ask")
    return found
