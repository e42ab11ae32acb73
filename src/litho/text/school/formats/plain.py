"""Plain text as it is put together from another format."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

_SPACE = re.compile(r"[^\S\n]+")
_UNSEEN = dict.fromkeys(map(ord, "\u00ad\u200b\u2060\ufeff"))  # soft hyphens and the like


@dataclass(frozen=True)
class Extract:
    """A text, and the titles of its parts by the character at which they begin.

    No parts: the text has none that its format marks.
    """

    text: str
    parts: dict[int, str] = field(default_factory=dict)


class Paragraphs:
    """Paragraphs that come piece by piece, with white space as it may."""

    def __init__(self) -> None:
        self._done: list[str] = []
        self._now: list[str] = []
        self._length = 0
        self._heading = False
        self.parts: dict[int, str] = {}

    def add(self, text: str) -> None:
        """A stretch of a line; line feeds in it are spaces."""
        self._now.append(text.replace("\n", " "))

    def line(self) -> None:
        """End the line."""
        self._now.append("\n")

    def kept(self, text: str) -> None:
        """A paragraph whose lines stay as they are."""
        self.end()
        lines = (line.rstrip() for line in text.translate(_UNSEEN).strip("\n").split("\n"))
        self._close("\n".join(lines))

    def heading(self) -> None:
        """Begin a paragraph that is the title of a part."""
        self.end()
        self._heading = True

    def end(self) -> None:
        """End the paragraph."""
        said = _SPACE.sub(" ", "".join(self._now).translate(_UNSEEN))
        lines = (line.strip() for line in said.split("\n"))
        self._now.clear()
        self._close(("  " if self._heading else "\n").join(filter(None, lines)))
        self._heading = False

    def _close(self, paragraph: str) -> None:
        if not paragraph.strip():
            return
        if self._heading:
            paragraph = _SPACE.sub(" ", paragraph)
            self.parts[self._length] = paragraph
        self._done.append(paragraph)
        self._length += len(paragraph) + len("\n\n")

    def extract(self) -> Extract:
        self.end()
        return Extract("\n\n".join(self._done), self.parts)


def joined(extracts: Iterable[Extract]) -> Extract:
    """Texts in one row, with an empty line between them."""
    texts: list[str] = []
    parts: dict[int, str] = {}
    length = 0
    for each in extracts:
        if each.text:
            parts |= {length + start: title for start, title in each.parts.items()}
            texts.append(each.text)
            length += len(each.text) + len("\n\n")
    return Extract("\n\n".join(texts), parts)
