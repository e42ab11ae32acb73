"""Many texts and many questions, each under a name of its own, in JSONL."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from litho.core.errors import LithoError
from litho.core.records import Record
from litho.text.documents import read_text


class NamedText(Record):
    """A text among others."""

    id: str
    text: str


class Question(Record):
    """Asked of every text's model: how likely is `target` after `prefix` and one space?"""

    id: str
    prefix: str
    target: str


Entry = TypeVar("Entry", NamedText, Question)


def read_texts(path: Path) -> list[NamedText]:
    """Texts from lines such as `{"id": "...", "text": "..."}`.

    Raises LithoError that names the line of a bad one, or two lines that hold the same text.
    """
    found = _read(path, NamedText)
    seen: dict[str, str] = {}
    for entry in found:
        if not entry.text.strip():
            raise LithoError(f"{path}: the text {entry.id!r} is empty")
        first = seen.setdefault(entry.text.strip(), entry.id)
        if first != entry.id:
            raise LithoError(f"{path}: {first!r} and {entry.id!r} are the same text; keep one")
    return found


def read_questions(path: Path) -> list[Question]:
    """Questions from lines such as `{"id": "...", "prefix": "...", "target": "..."}`.

    Raises LithoError that names the line of a bad one.
    """
    found = _read(path, Question)
    for entry in found:
        if not entry.prefix.strip() or not entry.target.strip():
            raise LithoError(f"{path}: prefix and target of {entry.id!r} must both hold text")
        if entry.prefix != entry.prefix.rstrip() or entry.target != entry.target.strip():
            raise LithoError(
                f"{path}: Litho puts one space between prefix and target of {entry.id!r}; "
                "remove yours"
            )
    return found


def leaks(texts: Sequence[NamedText], questions: Sequence[Question]) -> list[tuple[str, str]]:
    """Ids of text and question where the text holds the question with its answer, word by word."""
    return [
        (text.id, question.id)
        for text in texts
        for question in questions
        if f"{question.prefix} {question.target}" in " ".join(text.text.split())
    ]


def _read(path: Path, kind: type[Entry]) -> list[Entry]:
    found: dict[str, Entry] = {}
    for where, entry in _lines(path, kind):
        if entry.id in found:
            raise LithoError(f"{where}: there is an {entry.id!r} already")
        found[entry.id] = entry
    return list(found.values())


def _lines(path: Path, kind: type[Entry]) -> Iterator[tuple[str, Entry]]:
    keys = ", ".join(f'"{key}": "..."' for key in kind.model_fields)
    for number, line in enumerate(read_text(path).split("\n"), 1):
        if not line.strip():
            continue
        where = f"{path}, line {number}"
        try:
            yield where, kind(**json.loads(line))
        except json.JSONDecodeError as error:
            raise LithoError(f"{where} is not valid JSON: {error.msg}") from None
        except (ValidationError, TypeError):
            raise LithoError(f"{where}: write {{{keys}}} with just these keys") from None
