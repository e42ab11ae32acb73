"""From source to a document."""

import re
from pathlib import Path

from litho.text.documents import read_text
from litho.text.markup.expand import plain
from litho.text.markup.marks import LABELS, SIGNS, Content, Document, Kind, Mark, markup_error

MAX_DEPTH = 50
# In a row of brackets marks take pairs from the right, so that "[" may stand in front of a mark.
_OPEN = r"(?P<open>\[\[(?=(?:\[\[)*(?!\[)))"
_OUTSIDE = re.compile(rf"(?P<escape>\\\\(?=\\*\[\[)|\\\[\[)|{_OPEN}")
_INSIDE = re.compile(
    rf"(?P<escape>\\(?:[\\|:]|\[\[|\]\]))|{_OPEN}|(?P<close>\]\])"
    r"|(?P<bar>(?<![^\s\[~])\|(?=\s|\]\]))"
)


def parse(source: str) -> Document:
    r"""The document that `source` writes; text without `[[` is one as it stands.

    Raises LithoError, with line and column, for a mark that is not closed, empty or misused.
    """
    return Document(_Parser(source).content(_OUTSIDE, 0)[0])


def read_plain(path: Path) -> str:
    """The text in a file as it is read without choices.

    Raises LithoError if the file or its marks cannot be used.
    """
    return plain(parse(read_text(path).strip()))


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
            raise markup_error(position, fault)
        sign = self.source[self.at : self.at + 1]
        kind = Kind(sign) if sign and sign in SIGNS else Kind.ALTERNATIVES
        self.at += len(kind)
        label = LABELS[kind].match(self.source, self.at) if kind in LABELS else None
        self.at = label.end() if label else self.at
        parts: list[Content] = []
        end: str | None = "bar"
        while end == "bar":
            part, end = self.content(_INSIDE, depth)
            parts.append(part)
        if not end:
            fault = "this mark is never closed: write ']]' behind its last word"
            raise markup_error(position, rf"{fault}, or '\[[' for two plain brackets")
        return Mark(kind, tuple(parts), label[1] if label else "", position)
