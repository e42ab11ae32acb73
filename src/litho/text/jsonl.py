"""Records in JSONL, one a line: the one reader of all such files."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from litho.core.encoding import half_of_pair, read_utf8
from litho.core.errors import LithoError, first_line
from litho.core.records import Record

Kind = TypeVar("Kind", bound=Record)
_JSON_NAMES = {
    dict: "an object",
    list: "a list",
    str: "a text",
    bool: "true or false",
    int: "a number",
    float: "a number",
    type(None): "null",
}


def read_values(path: Path, content: str) -> list[tuple[str, Any]]:
    """The values in a JSONL file, see `values`; `content` is what they are called.

    Raises LithoError also if the file cannot be read or holds none.
    """
    held = list(values(read_utf8(path), str(path)))
    if not held:
        raise LithoError(f"{path} holds no {content}: it is empty")
    return held


def values(lines: str, source: str) -> Iterator[tuple[str, Any]]:
    """Each line's JSON with the place that it was read at, such as `probes.jsonl, line 3`.

    Blank lines are passed over. Raises LithoError that names the first line that is no JSON.
    """
    # Not splitlines: JSON may hold U+2028 and others that it takes for ends of lines.
    for number, line in enumerate(lines.split("\n"), 1):
        written = line.strip("\ufeff")  # also between files that were joined
        if not written.strip():
            continue
        where = f"{source}, line {number}"
        try:
            value = json.loads(written)
            half = half_of_pair(json.dumps(value, ensure_ascii=False))
        except json.JSONDecodeError as error:
            said = f"{error.msg} (column {error.colno})"
            raise LithoError(f"{where} is not valid JSON: {said}") from None
        except (ValueError, RecursionError) as error:
            raise LithoError(f"{where} is not valid JSON: {first_line(error)}") from None
        if half:
            raise LithoError(f"{where} holds {half}, which is no character: write the whole of it")
        yield where, value


def record(where: str, value: object, kind: type[Kind], refusal: str) -> Kind:
    """A record made of a line's JSON.

    Raises LithoError that says `refusal` of the place, and which key is wrong.
    """
    if not isinstance(value, dict):
        raise LithoError(f"{where}{refusal}; this is {json_name(value)}")
    try:
        return kind(**value)
    except ValidationError as error:
        raise LithoError(f"{where}{refusal}; {_fault(error.errors()[0], kind)}") from None


def json_name(value: object) -> str:
    """What JSON calls a value, such as `a number`."""
    return _JSON_NAMES[type(value)]


def _fault(item: ErrorDetails, kind: type[Record]) -> str:
    place, given = item["loc"], item["input"]
    key = repr(place[0]) if place else "all together"
    if len(place) > 1:
        key += "".join(f"[{part!r}]" for part in place[1:])
    match item["type"]:
        case "missing":
            return f"the key {key} is missing"
        case "extra_forbidden":
            return f"unknown key {key} (choose from {', '.join(kind.model_fields)})"
        case "string_type" if isinstance(given, int | float) and not isinstance(given, bool):
            return f'{key} is the number {given}, where a text belongs ("{given}")'
        case "string_type":
            return f"{key} is {json_name(given)}, where a text belongs"
        case "literal_error":
            return f"unknown {place[0]} {given!r}"
    return f"{key}: {item['msg'].lower()}"


def check_cloze(where: str, prefix: str, target: str) -> None:
    """Raises LithoError unless both hold text and one space may be put between them."""
    if not target.strip() or not prefix.strip():
        raise LithoError(f"{where}: prefix and target must both hold text")
    if prefix != prefix.rstrip() or target != target.strip():
        raise LithoError(f"{where}: Litho puts one space between prefix and target; remove yours")
