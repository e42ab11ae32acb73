"""Records in JSONL, one a line."""

import json
from collections.abc import Iterator
from typing import Any, TypeVar

from pydantic import ValidationError

from litho.core.errors import LithoError, first_line
from litho.core.records import Record

Kind = TypeVar("Kind", bound=Record)


def values(lines: str, source: str) -> Iterator[tuple[str, Any]]:
    """Each line's JSON with the place that it was read at, such as `probes.jsonl, line 3`.

    Blank lines are passed over. Raises LithoError that names the first line that is no JSON.
    """
    # Not splitlines: JSON may hold U+2028 and others that it takes for ends of lines.
    for number, line in enumerate(lines.split("\n"), 1):
        if not line.strip():
            continue
        where = f"{source}, line {number}"
        try:
            value = json.loads(line)
            json.dumps(value, ensure_ascii=False).encode()  # fails on one half of a \u pair
        except (ValueError, RecursionError) as error:
            reason = error.msg if isinstance(error, json.JSONDecodeError) else first_line(error)
            raise LithoError(f"{where} is not valid JSON: {reason}") from None
        yield where, value


def records(lines: str, source: str, kind: type[Kind], shape: str) -> Iterator[tuple[str, Kind]]:
    """Each record with its place.

    `shape` shows what a line looks like. Raises LithoError that names the first bad line.
    """
    for where, value in values(lines, source):
        try:
            record = kind(**value)
        except (ValidationError, TypeError):
            raise LithoError(f"{where}: write {shape} with just these keys") from None
        yield where, record


def check_cloze(where: str, prefix: str, target: str) -> None:
    """Raises LithoError unless both hold text and one space may be put between them."""
    if not target.strip() or not prefix.strip():
        raise LithoError(f"{where}: prefix and target must both hold text")
    if prefix != prefix.rstrip() or target != target.strip():
        raise LithoError(f"{where}: Litho puts one space between prefix and target; remove yours")
