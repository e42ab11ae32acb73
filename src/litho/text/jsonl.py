"""Records in JSONL, one a line."""

import json
from collections.abc import Iterator
from typing import TypeVar

from pydantic import ValidationError

from litho.core.errors import LithoError
from litho.core.records import Record

Kind = TypeVar("Kind", bound=Record)


def records(lines: str, source: str, kind: type[Kind], shape: str) -> Iterator[tuple[str, Kind]]:
    """Each record with the place that it was read at, such as `probes.jsonl, line 3`.

    `shape` shows what a line looks like. Raises LithoError that names the first bad line.
    """
    for number, line in enumerate(lines.split("\n"), 1):
        if not line.strip():
            continue
        where = f"{source}, line {number}"
        try:
            yield where, kind(**json.loads(line))
        except json.JSONDecodeError as error:
            raise LithoError(f"{where} is not valid JSON: {error.msg}") from None
        except (ValidationError, TypeError):
            raise LithoError(f"{where}: write {shape} with just these keys") from None


def check_cloze(where: str, prefix: str, target: str) -> None:
    """Raises LithoError unless both hold text and one space may be put between them."""
    if not target.strip() or not prefix.strip():
        raise LithoError(f"{where}: prefix and target must both hold text")
    if prefix != prefix.rstrip() or target != target.strip():
        raise LithoError(f"{where}: Litho puts one space between prefix and target; remove yours")
