"""Presentations of a document: choices made, and the space around what is left out."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count

from litho.text.markup.marks import Content, Document, Kind, Mark, slot_values

HIGHLIGHTS = (("**", "**"), ("_", "_"), ("“", "”"), ("[", "]"))
MAX_REPEATS = 1000
_OPENERS, _CLOSERS = "([{“‘«„", ".,;:!?…)]}”’»。，、"
Pick = Callable[[int], int]  # a choice out of so many


@dataclass(frozen=True)
class Expansion:
    """One presentation, and where in it the anchors stand: (start, end)."""

    text: str
    anchors: tuple[tuple[int, int], ...] = ()


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
        expansion = expand(document, seed)
        repeats = repeats + 1 if expansion.text in seen else 0
        if repeats == MAX_REPEATS:
            return
        if repeats == 0:
            seen.add(expansion.text)
            yield expansion


class _Reading:
    """Makes the choices of one presentation."""

    def __init__(self, document: Document, pick: Pick) -> None:
        self.pick = pick
        self.values = slot_values(document.content)
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
