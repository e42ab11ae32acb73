"""Texts, questions and probes, one JSON object a line."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import AfterValidator

from litho.core.encoding import half_of_pair
from litho.core.errors import LithoError
from litho.core.records import Record
from litho.text.jsonl import check_cloze, read_values, record, values

ProbeKind = Literal["mem", "gen", "hard", "chat", "neighbour"]
IMPRINT_KINDS: tuple[ProbeKind, ...] = ("mem", "gen", "hard")


def _of_characters(text: str) -> str:
    if half := half_of_pair(text):
        raise ValueError(f"{half}, is no character")
    return text


Characters = Annotated[str, AfterValidator(_of_characters)]  # text that can be written in UTF-8


class Probe(Record):
    """A cloze question, scored as `prefix`, one space, `target`.

    One of kind `chat` is asked in the model's chat format instead: `prefix` is what the user says,
    `target` what the answer must hold.
    """

    kind: ProbeKind
    prefix: Characters
    target: Characters


class NamedText(Record):
    """A text among others."""

    id: Characters
    text: Characters
    group: Characters | None = None  # texts of one kind: a calibration leaves them out together

    @property
    def sha256(self) -> str:
        return _sha256(self.text)


class Question(Record):
    """Asked of every text's model: how likely is `target` after `prefix` and one space?"""

    id: Characters
    prefix: Characters
    target: Characters
    group: Characters | None = None  # as of a text


Entry = TypeVar("Entry", NamedText, Question)
PIECE = 12  # characters of a question by which it is looked for


def read_texts(path: Path) -> list[NamedText]:
    """Texts from lines such as `{"id": "...", "text": "..."}`.

    Raises LithoError that names the line of a bad one, or two lines that hold the same text.
    """
    texts: list[NamedText] = []
    seen: dict[str, str] = {}
    for where, entry in _entries(path, NamedText, "texts"):
        if not entry.text.strip():
            raise LithoError(f"{where}: the text {entry.id!r} is empty")
        first = seen.setdefault(entry.text.strip(), entry.id)
        if first != entry.id:
            raise LithoError(f"{where}: {first!r} and {entry.id!r} are the same text; keep one")
        texts.append(entry)
    return texts


def read_questions(path: Path) -> list[Question]:
    """Questions from lines such as `{"id": "...", "prefix": "...", "target": "..."}`.

    Raises LithoError that names the line of a bad one.
    """
    questions = []
    for where, entry in _entries(path, Question, "probes"):
        check_cloze(where, entry.prefix, entry.target)
        questions.append(entry)
    return questions


def questions_sha256(questions: Sequence[Question]) -> str:
    """One hash over what is asked, whatever the questions are called."""
    return _sha256(json.dumps([[q.prefix, q.target] for q in questions]))


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def leaks(texts: Sequence[NamedText], questions: Sequence[Question]) -> list[tuple[str, str]]:
    """Ids of text and question where the text holds the question with its answer, word by word."""
    asked = [f"{question.prefix} {question.target}" for question in questions]
    told_by = _telling_pieces(asked)
    lengths = {len(piece) for piece in told_by}
    pairs = []
    for text in texts:
        said = " ".join(text.text.split())
        pieces = {said[i : i + length] for length in lengths for i in range(len(said) - length + 1)}
        likely = sorted(place for piece in pieces & told_by.keys() for place in told_by[piece])
        pairs += [(text.id, questions[place].id) for place in likely if asked[place] in said]
    return pairs


def _telling_pieces(asked: Sequence[str]) -> dict[str, list[int]]:
    """A few characters of each question that are in as few others as can be, and whose they are.

    A text without them cannot hold the question; so the questions need not be looked for in every
    text one by one.
    """
    pieces = [[said[i : i + PIECE] for i in range(max(1, len(said) - PIECE + 1))] for said in asked]
    common = Counter(piece for own in pieces for piece in set(own))
    told_by: dict[str, list[int]] = {}
    for place, own in enumerate(pieces):
        told_by.setdefault(min(own, key=common.__getitem__), []).append(place)
    return told_by


def _entries(path: Path, kind: type[Entry], content: str) -> Iterator[tuple[str, Entry]]:
    """Each entry with its place, and no id twice."""
    needed = [key for key, field in kind.model_fields.items() if field.is_required()]
    shape = "{" + ", ".join(f'"{key}": "..."' for key in needed) + "}"
    ids: set[str] = set()
    for where, value in read_values(path, content):
        entry = record(where, value, kind, f": write {shape}")
        if entry.id in ids:
            raise LithoError(f"{where}: there is an {entry.id!r} already")
        ids.add(entry.id)
        yield where, entry


def read_probes(path: Path) -> list[Probe]:
    """Probes from a JSONL file. Raises LithoError naming the first bad line."""
    return [_probe(where, value) for where, value in read_values(path, "probes")]


def read_probe_lines(lines: str, source: str) -> list[Probe]:
    """Probes from JSONL text that came from `source`."""
    return [_probe(where, value) for where, value in values(lines, source)]


class _ChatQuestion(Record):
    """A probe of kind `chat` as it is written in a file."""

    question: Characters
    answer: Characters


def _probe(where: str, value: object) -> Probe:
    if isinstance(value, dict) and "question" in value:
        chat = record(where, value, _ChatQuestion, ': write {"question": "...", "answer": "..."}')
        probe = Probe(kind="chat", prefix=chat.question, target=chat.answer)
    else:
        shape = '{"kind": "mem|gen|hard|neighbour", "prefix": "...", "target": "..."}'
        probe = record(where, value, Probe, f": write {shape}")
    check_cloze(where, probe.prefix, probe.target)
    return probe


def targets_of(probes: Sequence[Probe]) -> list[str]:
    """The printed words: each target of an imprint probe once, in order."""
    return list(dict.fromkeys(p.target for p in probes if p.kind in IMPRINT_KINDS))
