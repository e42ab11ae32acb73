"""From source to a document."""

import re
from pathlib import Path
from typing import NamedTuple

from litho.core.errors import LithoError
from litho.text.documents import read_text
from litho.text.markup.expand import plain
from litho.text.markup.marks import (
    LABELS,
    SIGNS,
    Content,
    Document,
    Kind,
    Mark,
    MarkupError,
    Position,
    has_marks,
    marks_of,
    markup_error,
)

MAX_DEPTH = 50
_SHOWN = 30  # characters of brackets that are no mark
# In a row of brackets marks take pairs from the right, so that "[" may stand in front of a mark.
_OPEN = r"(?P<open>\[\[(?=(?:\[\[)*(?!\[)))"
_OUTSIDE = re.compile(rf"(?P<escape>\\\\(?=\\*\[\[)|\\\[\[)|{_OPEN}")
_INSIDE = re.compile(
    rf"(?P<escape>\\(?:[\\|:]|\[\[|\]\]))|{_OPEN}|(?P<close>\]\])"
    r"|(?P<bar>(?<![^\s\[~])\|(?=\s|\]\]))"
)


def parse(source: str) -> Document:
    r"""The document that `source` writes; text without `[[` is one as it stands.

    Brackets with one part, such as `[[Some page]]`, are plain text. Raises LithoError, with line
    and column, for a mark that is not closed, empty or misused.
    """
    return Document(_Parser(source).content(_OUTSIDE, 0)[0])


def read_plain(path: Path) -> str:
    """The text in a file as it is read without choices.

    Raises LithoError if the file or its marks cannot be used.
    """
    return plain(parse(read_text(path).strip()))


def brackets_notice(source: str) -> list[str]:
    """What to say where brackets in a text with marks are no marks, or nothing."""
    parser = _Parser(source)
    parser.content(_OUTSIDE, 0)
    if not parser.plain:
        return []
    (line, column), said = min(parser.plain.items())
    return [
        f"{len(parser.plain)} times [[ begins no mark, first at line {line}, column {column} "
        f"({said!r}), and stands as it is: alternatives have a bar with space on both sides"
    ]


def marks_notice(text: str) -> list[str]:
    """What to say where a text that is read as it stands could be one with marks, or nothing."""
    try:
        document = parse(text)
    except LithoError:
        return []
    if not has_marks(document):
        return []
    line, column = next(marks_of(document.content)).position or (1, 1)
    return [
        f"the text holds what could be a mark (line {line}, column {column}) and is read as it "
        "stands; with --marks it is read plainly, without choices (marks=True in Python)"
    ]


class Span(NamedTuple):
    """Characters of a source that belong to a mark: its brackets, sign, bars; or an escape."""

    start: int
    end: int
    part: str  # open, bar, close, escape
    kind: str  # name of the mark's kind; empty: an escape
    depth: int  # marks around it, with its own


def highlighted(source: str) -> tuple[list[Span], MarkupError | None]:
    """What is markup in a source, in its order; up to a fault, if there is one."""
    parser, fault = _Parser(source), None
    try:
        Document(parser.content(_OUTSIDE, 0)[0])
    except MarkupError as error:
        fault = error
    return sorted(parser.spans), fault


class _Parser:
    def __init__(self, source: str) -> None:
        self.source = source
        self.at = 0
        self.spans: list[Span] = []
        self.plain: dict[Position, str] = {}  # where brackets are no mark, and how they begin

    def content(self, pattern: re.Pattern[str], depth: int) -> tuple[Content, str | None]:
        """What stands before the next bar, close or the end (None), and which of them it was."""
        pieces: list[str | Mark] = []
        while token := pattern.search(self.source, self.at):
            pieces.append(self.source[self.at : token.start()])
            self.at = token.end()
            if token.lastgroup == "escape":
                pieces.append(token.group()[1:])
                self.spans.append(Span(token.start(), token.end(), "escape", "", depth))
            elif token.lastgroup == "open":
                pieces += self.brackets(token.start(), depth)
            else:
                return tuple(pieces), token.lastgroup
        return (*pieces, self.source[self.at :]), None

    def brackets(self, start: int, depth: int) -> Content:
        """A mark, or the text of brackets with one part."""
        line = self.source.count("\n", 0, start) + 1
        position = (line, start - self.source.rfind("\n", 0, start))
        known = len(self.spans)
        mark = self.mark(position, depth + 1)
        if isinstance(mark, Mark):
            return (mark,)
        self.plain[position] = self.source[start : start + _SHOWN].split("\n")[0]
        if depth:
            return mark
        self.at = start + 2  # as it stands: what is in these brackets stands outside marks
        del self.spans[known:]
        return ("[[",)

    def mark(self, position: Position, depth: int) -> Mark | Content:
        """What follows `[[` as a mark or, with the brackets around it, as plain text."""
        if depth > MAX_DEPTH:
            fault = (
                rf"more than {MAX_DEPTH} marks stand in each other: write '\[[' for plain brackets"
            )
            raise markup_error(position, fault)
        sign = self.source[self.at : self.at + 1]
        kind = Kind(sign) if sign and sign in SIGNS else Kind.ALTERNATIVES
        begin = self.at - 2
        self.at += len(kind)
        label = LABELS[kind].match(self.source, self.at) if kind in LABELS else None
        self.at = label.end() if label else self.at
        own = [Span(begin, self.at, "open", kind.name.lower(), depth)]
        parts: list[Content] = []
        end: str | None = "bar"
        while end == "bar":
            part, end = self.content(_INSIDE, depth)
            parts.append(part)
            if end:
                begin = self.at - (1 if end == "bar" else 2)
                own.append(Span(begin, self.at, end, kind.name.lower(), depth))
        if len(parts) == 1 and kind in (Kind.ALTERNATIVES, Kind.ORDER):
            return (f"[[{kind}", *parts[0], "]]" if end else "")
        if not end:
            fault = "this mark is never closed: write ']]' behind its last word"
            raise markup_error(position, rf"{fault}, or '\[[' for two plain brackets")
        self.spans += own
        return Mark(kind, tuple(parts), label[1] if label else "", position)
