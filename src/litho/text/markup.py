"""The presentation markup: what may shift between presentations, written inside the text.

docs/markup.md describes the language. Everything that can be built here can be written and read
back: marks trim their parts, texts side by side become one, and what has no sense is refused.
"""

import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import count
from pathlib import Path

from litho.core.errors import LithoError
from litho.text.documents import read_text


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
Position = tuple[int, int]
Pick = Callable[[int], int]

HIGHLIGHTS = (("**", "**"), ("_", "_"), ("“", "”"), ("[", "]"))
MAX_DEPTH = 50
MAX_REPEATS = 1000
_SIGNS = "".join(Kind)
_OPENERS, _CLOSERS = "([{“‘«„", ".,;:!?…)]}”’»。，、"

# In a row of brackets marks take pairs from the right, so that "[" may stand in front of a mark.
_OPEN = r"(?P<open>\[\[(?=(?:\[\[)*(?!\[)))"
_OUTSIDE = re.compile(rf"(?P<escape>\\\\(?=\\*\[\[)|\\\[\[)|{_OPEN}")
_INSIDE = re.compile(
    rf"(?P<escape>\\(?:[\\|:]|\[\[|\]\]))|{_OPEN}|(?P<close>\]\])"
    r"|(?P<bar>(?<![^\s\[~])\|(?=\s|\]\]))"
)
_NAME = re.compile(r"[^\W\d][\w-]*")
_LABELS = {
    Kind.ANCHOR: re.compile(rf"\s*({_NAME.pattern}):(?=\s)"),
    Kind.SLOT: re.compile(rf"\s*({_NAME.pattern})\s*(?::(?=\s|\]\])|(?=\]\]))"),
}
_SPECIAL_OUTSIDE = re.compile(r"\\(?=\\*\[\[)|\[\[")
_BEFORE_MARK = re.compile(r"\\(?=\\*\[?\Z)")
_SPECIAL_INSIDE = re.compile(r"\\(?=[\\|:\[\]]|\Z)|\[\[|\]\]|(?<![^\s\[~])\|(?!\S)")


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
            raise _error(self.position, fault)


@dataclass(frozen=True)
class Document:
    """A text and its marks.

    Raises LithoError if a slot has no values or several lists of them, or if an anchor is
    missing from some presentations.
    """

    content: Content

    def __post_init__(self) -> None:
        object.__setattr__(self, "content", _tidy(self.content))
        values, always = _slot_values(self.content), _always(self.content)
        for mark in _marks(self.content):
            if mark.kind is Kind.SLOT and mark.name not in values:
                fault = f"this slot has no values: write '[[$ {mark.name}: one | two]]'"
                raise _error(mark.position, f"{fault} in one place")
            if mark.kind is Kind.ANCHOR and mark not in always:
                fault = "this anchor is missing from some presentations: put it outside '[[? …]]'"
                raise _error(mark.position, f"{fault}, or into every alternative")


@dataclass(frozen=True)
class Expansion:
    """One presentation, and where in it the anchors stand: (start, end)."""

    text: str
    anchors: tuple[tuple[int, int], ...] = ()


def parse(source: str) -> Document:
    r"""The document that `source` writes; text without `[[` is one as it stands.

    Raises LithoError, with line and column, for a mark that is not closed, empty or misused.
    """
    return Document(_Parser(source).content(_OUTSIDE, 0)[0])


def write(document: Document) -> str:
    """`document` as source; `parse` gives the same document back."""
    pieces: list[str] = []
    for piece in document.content:
        if isinstance(piece, Mark):
            pieces[-1:] = [_BEFORE_MARK.sub(r"\\\\", text) for text in pieces[-1:]]
            pieces.append(_write_mark(piece))
        else:
            pieces.append(_SPECIAL_OUTSIDE.sub(r"\\\g<0>", piece))
    return "".join(pieces)


def plain(document: Document) -> str:
    """The text as it reads without choices: the first of everything, nothing left out or added."""
    return _read(document, _first).text


def expand(document: Document, seed: int) -> Expansion:
    """One presentation, always the same for a seed; it has words if the document has any."""
    return _read(document, random.Random(f"{seed} markup").randrange)


def expansions(document: Document) -> Iterator[Expansion]:
    """Presentations with different texts, those of seeds 0, 1, 2 … in turn.

    Ends after 1000 seeds in a row that bring nothing new: few texts are all found, and where there
    are many a rare one may be missing.
    """
    seen: set[str] = set()
    repeats = 0
    for seed in count():
        found = expand(document, seed)
        repeats = repeats + 1 if found.text in seen else 0
        if repeats == MAX_REPEATS:
            return
        if repeats == 0:
            seen.add(found.text)
            yield found


def read_plain(path: Path) -> str:
    """The text in a file as it is read without choices.

    Raises LithoError if the file or its marks cannot be used.
    """
    return plain(parse(read_text(path).strip()))


def has_marks(document: Document) -> bool:
    """Whether anything in the document is marked."""
    return any(True for _ in _marks(document.content))


class _Parser:
    def __init__(self, source: str) -> None:
        self.source = source
        self.at = 0

    def content(self, pattern: re.Pattern[str], depth: int) -> tuple[Content, str | None]:
        """What stands before the next bar, close or the end (None), and which of them it was."""
        pieces: list[str | Mark] = []
        while token := pattern.search(self.source, self.at):
            pieces.append(self.source[self.at : token.start()])
            self.at = token.end()
            if token.lastgroup == "escape":
                pieces.append(token.group()[1:])
            elif token.lastgroup == "open":
                pieces.append(self.mark(token.start(), depth + 1))
            else:
                return tuple(pieces), token.lastgroup
        return (*pieces, self.source[self.at :]), None

    def mark(self, start: int, depth: int) -> Mark:
        line = self.source.count("\n", 0, start) + 1
        position = (line, start - self.source.rfind("\n", 0, start))
        if depth > MAX_DEPTH:
            fault = (
                rf"more than {MAX_DEPTH} marks stand in each other: write '\[[' for plain brackets"
            )
            raise _error(position, fault)
        sign = self.source[self.at : self.at + 1]
        kind = Kind(sign) if sign and sign in _SIGNS else Kind.ALTERNATIVES
        self.at += len(kind)
        label = _LABELS[kind].match(self.source, self.at) if kind in _LABELS else None
        self.at = label.end() if label else self.at
        parts: list[Content] = []
        end: str | None = "bar"
        while end == "bar":
            part, end = self.content(_INSIDE, depth)
            parts.append(part)
        if not end:
            fault = "this mark is never closed: write ']]' behind its last word"
            raise _error(position, rf"{fault}, or '\[[' for two plain brackets")
        return Mark(kind, tuple(parts), label[1] if label else "", position)


class _Reading:
    """Makes the choices of one presentation."""

    def __init__(self, document: Document, pick: Pick) -> None:
        self.pick = pick
        self.values = _slot_values(document.content)
        self.chosen: dict[str, Content] = {}
        self.again: list[Expansion] = []

    def content(self, content: Content) -> Expansion:
        return _join([self.piece(piece) for piece in content])

    def piece(self, piece: str | Mark) -> Expansion:
        if isinstance(piece, str):
            return Expansion(piece)
        match piece.kind:
            case Kind.ANCHOR:
                words = self.content(piece.parts[0]).text
                return Expansion(words, ((0, len(words)),))
            case Kind.ALTERNATIVES:
                return self.content(piece.parts[self.pick(len(piece.parts))])
            case Kind.OPTIONAL:
                return Expansion("") if self.pick(2) else self.content(piece.parts[0])
            case Kind.HIGHLIGHT:
                return self.highlight(self.content(piece.parts[0]))
            case Kind.ORDER:
                return self.order(list(piece.parts))
            case Kind.SUMMARY:
                return self.summary(self.content(piece.parts[0]))
            case Kind.SLOT:
                return self.slot(piece.name)

    def highlight(self, inner: Expansion) -> Expansion:
        if not inner.text or not self.pick(2):
            return inner
        left, right = HIGHLIGHTS[self.pick(len(HIGHLIGHTS))]
        return _join([Expansion(left), inner, Expansion(right)])

    def order(self, parts: list[Content]) -> Expansion:
        ordered: list[Expansion] = []
        while parts:
            ordered += [Expansion(" "), self.content(parts.pop(self.pick(len(parts))))]
        return _join(ordered[1:])

    def summary(self, inner: Expansion) -> Expansion:
        if inner.text and self.pick(2):
            self.again += [Expansion(" "), inner]
        return inner

    def slot(self, name: str) -> Expansion:
        values = self.values[name]
        if name not in self.chosen:
            self.chosen[name] = values[self.pick(len(values))]
        return self.content(self.chosen[name])


def _read(document: Document, pick: Pick) -> Expansion:
    reading = _Reading(document, pick)
    body = reading.content(document.content)
    if not body.text and pick is not _first:
        return _read(document, _first)  # nothing at all is no presentation
    bare = body.text.rstrip()
    if not reading.again:
        return body
    # What is said again stands in front of the line break that ends a file.
    return _join([Expansion(bare, body.anchors), *reading.again, Expansion(body.text[len(bare) :])])


def _first(size: int) -> int:
    return 0


def _join(pieces: list[Expansion]) -> Expansion:
    """The pieces as one text; an empty piece takes the space that it would leave with it."""
    text, space, gap = "", "", False
    anchors: list[tuple[int, int]] = []
    for piece in pieces:
        words = piece.text.lstrip() if gap else piece.text
        space += piece.text[: len(piece.text) - len(words)]
        if not piece.text:
            text, space, gap = _close(text, space), "", True
        if not words:
            continue
        if gap:
            text = _close(text, space, words[0])
            space, gap = "", False
        # Only plain words begin with space, and those have no anchors.
        anchors += [(len(text) + start, len(text) + end) for start, end in piece.anchors]
        text += words
    if gap:
        text = text.rstrip() + space if text.strip() else ""
    return Expansion(text, tuple(anchors))


def _close(text: str, right: str, following: str = "") -> str:
    """`text` with the space that belongs behind it when what stood before `right` is left out."""
    bare = text.rstrip()
    left = text[len(bare) :]
    if not bare or (not left and bare[-1] in _OPENERS):
        return text
    if following and not right and following in _CLOSERS:
        return bare
    return bare + max(right, left, key=lambda space: (space.count("\n"), bool(space)))


def _write_mark(mark: Mark) -> str:
    body = " | ".join(
        "".join(
            _write_mark(piece)
            if isinstance(piece, Mark)
            else _SPECIAL_INSIDE.sub(r"\\\g<0>", piece)
            for piece in part
        )
        for part in mark.parts
    )
    if mark.kind is Kind.ANCHOR and not mark.name and _LABELS[mark.kind].match(body):
        body = body.replace(":", r"\:", 1)
    head = f"{mark.kind} " if mark.kind else ""
    if mark.name:
        head += f"{mark.name}: " if body else mark.name
    if not head and body[0] in _SIGNS + "[":
        head = " "
    return f"[[{head}{body}{' ' if body.endswith(']') else ''}]]"


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


def _marks(content: Content) -> Iterator[Mark]:
    for piece in content:
        if isinstance(piece, Mark):
            yield piece
            for part in piece.parts:
                yield from _marks(part)


def _slot_values(content: Content) -> dict[str, tuple[Content, ...]]:
    values: dict[str, Mark] = {}
    for mark in _marks(content):
        if mark.kind is not Kind.SLOT or not mark.parts:
            continue
        first = values.setdefault(mark.name, mark)
        if first.parts != mark.parts:
            fault = f"slot {mark.name!r} has other values before: write '[[$ {mark.name}]]' here"
            raise _error(mark.position, f"{fault}, or give this one another name")
    return {name: mark.parts for name, mark in values.items()}


def _always(content: Content) -> set[Mark]:
    """The anchors that stand in every presentation of `content`."""
    found: set[Mark] = set()
    for mark in content:
        if isinstance(mark, str) or mark.kind in (Kind.OPTIONAL, Kind.SLOT):
            continue
        parts = [_always(part) for part in mark.parts]
        if mark.kind is Kind.ANCHOR:
            found.add(mark)
        elif mark.kind is Kind.ALTERNATIVES:
            found |= set.intersection(*parts)
        else:
            found |= set.union(*parts)
    return found


def _fault(mark: Mark) -> str:
    """What is wrong with a mark by itself and what to write instead, or nothing."""
    kind, parts, sign = mark.kind, mark.parts, mark.kind.value
    slot, group = kind is Kind.SLOT, kind in (Kind.ALTERNATIVES, Kind.ORDER)
    brackets = r"or write '\[[' for two plain brackets"
    if slot and not _NAME.fullmatch(mark.name):
        return "a slot needs a name of one word: write '[[$ name]]' or '[[$ name: one | two]]'"
    if mark.name and (kind not in _LABELS or not _NAME.fullmatch(mark.name)):
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
    if kind in _LABELS and any(isinstance(piece, Mark) for part in parts for piece in part):
        return f"no mark can stand inside a mark with {sign!r}: write plain words there"
    return ""


def _error(position: Position | None, fault: str) -> LithoError:
    where = f"line {position[0]}, column {position[1]}: " if position else ""
    return LithoError(where + fault)
