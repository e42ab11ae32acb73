"""Marks and documents, and what makes one that has sense."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from litho.core.errors import LithoError


class Kind(StrEnum):
    """What a mark does; the value is the character behind its `[[`."""

    ANCHOR = "="
    HIGHLIGHT = "!"
    ALTERNATIVES = ""
    OPTIONAL = "?"
    ORDER = "~"
    SUMMARY = ">"
    SLOT = "$"


Content = tuple["str | Mark", ...]
Position = tuple[int, int]  # line and column, from 1

SIGNS = "".join(Kind)
NAME = re.compile(r"[^\W\d][\w-]*")
LABELS = {
    Kind.ANCHOR: re.compile(rf"\s*({NAME.pattern}):(?=\s)"),
    Kind.SLOT: re.compile(rf"\s*({NAME.pattern})\s*(?::(?=\s|\]\])|(?=\]\]))"),
}


@dataclass(frozen=True)
class Mark:
    """A mark with its parts; only anchors and slots have a name.

    Raises LithoError if the kind does not allow these parts or this name.
    """

    kind: Kind
    parts: tuple[Content, ...] = ()
    name: str = ""
    position: Position | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        parts = tuple(_tidy(part, trim=True) for part in self.parts)
        if self.kind is Kind.SLOT and parts == ((),):
            parts = ()
        object.__setattr__(self, "parts", parts)
        if fault := _fault(self):
            raise markup_error(self.position, fault)


@dataclass(frozen=True)
class Document:
    """A text and its marks.

    Raises LithoError if a slot has no values or several lists of them, or if an anchor is
    missing from some presentations.
    """

    content: Content

    def __post_init__(self) -> None:
        object.__setattr__(self, "content", _tidy(self.content))
        values, always = slot_values(self.content), _always(self.content)
        for mark in marks_of(self.content):
            if mark.kind is Kind.SLOT and mark.name not in values:
                fault = f"this slot has no values: write '[[$ {mark.name}: one | two]]'"
                raise markup_error(mark.position, f"{fault} in one place")
            if mark.kind is Kind.ANCHOR and mark not in always:
                fault = "this anchor is missing from some presentations: put it outside '[[? …]]'"
                raise markup_error(mark.position, f"{fault}, or into every alternative")


def has_marks(document: Document) -> bool:
    """Whether anything in the document is marked."""
    return any(True for _ in marks_of(document.content))


def marks_of(content: Content) -> Iterator[Mark]:
    """All marks, also those inside others, in the order in which they begin."""
    for piece in content:
        if isinstance(piece, Mark):
            yield piece
            for part in piece.parts:
                yield from marks_of(part)


def slot_values(content: Content) -> dict[str, tuple[Content, ...]]:
    """The values of each slot that has some. Raises LithoError if one has several lists of them."""
    values: dict[str, Mark] = {}
    for mark in marks_of(content):
        if mark.kind is not Kind.SLOT or not mark.parts:
            continue
        first = values.setdefault(mark.name, mark)
        if first.parts != mark.parts:
            fault = f"slot {mark.name!r} has other values before: write '[[$ {mark.name}]]' here"
            raise markup_error(mark.position, f"{fault}, or give this one another name")
    return {name: mark.parts for name, mark in values.items()}


def _tidy(content: Content, trim: bool = False) -> Content:
    """`content` with texts side by side made one, and without empty ones."""
    pieces: list[str | Mark] = []
    for piece in content:
        if pieces and isinstance(piece, str) and isinstance(pieces[-1], str):
            pieces[-1] += piece
        else:
            pieces.append(piece)
    for end, strip in ((0, str.lstrip), (-1, str.rstrip)):
        if trim and pieces and isinstance(edge := pieces[end], str):
            pieces[end] = strip(edge)
    return tuple(piece for piece in pieces if piece)


def _always(content: Content) -> set[Mark]:
    """The anchors that stand in every presentation of `content`."""
    anchors: set[Mark] = set()
    for mark in content:
        if isinstance(mark, str) or mark.kind in (Kind.OPTIONAL, Kind.SLOT):
            continue
        parts = [_always(part) for part in mark.parts]
        if mark.kind is Kind.ANCHOR:
            anchors.add(mark)
        elif mark.kind is Kind.ALTERNATIVES:
            anchors |= set.intersection(*parts)
        else:
            anchors |= set.union(*parts)
    return anchors


def _fault(mark: Mark) -> str:
    """What is wrong with a mark by itself and what to write instead, or nothing."""
    kind, parts, sign = mark.kind, mark.parts, mark.kind.value
    slot, group = kind is Kind.SLOT, kind in (Kind.ALTERNATIVES, Kind.ORDER)
    brackets = r"or write '\[[' for two plain brackets"
    if slot and not NAME.fullmatch(mark.name):
        return "a slot needs a name of one word: write '[[$ name]]' or '[[$ name: one | two]]'"
    if mark.name and (kind not in LABELS or not NAME.fullmatch(mark.name)):
        return f"{mark.name!r} cannot be a name here: only anchors and slots have one, of one word"
    if not slot and not any(parts):
        return f"this mark is empty: put words into it, {brackets}"
    if not all(parts):
        return r"a part of this mark is empty: put words there, or write '\|' for a plain bar"
    if group and len(parts) == 1:
        sample = f"{sign} one | two".strip()
        return f"this mark has only one part: write '[[{sample}]]' with spaces, {brackets}"
    if not group and not slot and len(parts) > 1:
        return (
            rf"a mark with {sign!r} has one part: write '\|' for a plain bar, "
            f"or a space behind '[[' if {sign!r} belongs to the words"
        )
    if kind in LABELS and any(isinstance(piece, Mark) for part in parts for piece in part):
        return f"no mark can stand inside a mark with {sign!r}: write plain words there"
    return ""


class MarkupError(LithoError):
    """A fault in a source, and where."""

    def __init__(self, position: Position | None, fault: str) -> None:
        where = f"line {position[0]}, column {position[1]}: " if position else ""
        super().__init__(where + fault)
        self.position, self.fault = position, fault


def markup_error(position: Position | None, fault: str) -> MarkupError:
    """The error to raise, with the place of the fault if it was read from a source."""
    return MarkupError(position, fault)
