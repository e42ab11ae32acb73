"""Cutting a text into paragraphs, sentences and scenes."""

import re
from collections.abc import Callable

from litho.core.errors import LithoError

_ABBREVIATION = re.compile(
    r"(?:\b(?:Mr|Mrs|Ms|Dr|Prof|St|Jr|Sr|vs|etc|No|Fig|Inc|Ltd|Co|approx|e\.g|i\.e|cf)|\b[A-Z])\.$"
)
_BOUNDARY = re.compile(r"(?<=[.!?…。])[\"'”’)\]]*\s+(?=[\"'“‘(\[]*[^\W_a-zа-я])")
_FIRST = re.compile(r"[^\n]+?[.!?](?=\s|$)")
_ENDS = (". ", "! ", "? ", "\n")


def paragraphs(text: str) -> list[str]:
    """The blocks of `text` between blank lines."""
    return [block.strip() for block in re.split(r"\n\s*\n", text) if block.strip()]


def sentences(text: str) -> list[str]:
    """The sentences of `text` in order; headings and list lines count as sentences."""
    return [
        sentence
        for block in paragraphs(text)
        for line in _unwrapped(block)
        for sentence in _split_line(line)
    ]


def _unwrapped(block: str) -> list[str]:
    """Lines of a block, with hard-wrapped prose joined again."""
    lines: list[str] = []
    for line in block.splitlines():
        starts_item = re.match(r"\s*(#|[-*+•] |\d+[.)] |\|)", line)
        if lines and not starts_item and not lines[-1].startswith("#"):
            lines[-1] += " " + line.strip()
        else:
            lines.append(line.strip())
    return lines


def _split_line(line: str) -> list[str]:
    parts, start = [], 0
    for boundary in _BOUNDARY.finditer(line):
        end = boundary.end()
        piece = line[start:end].strip()
        if _ABBREVIATION.search(piece):
            continue
        parts.append(piece)
        start = end
    parts.append(line[start:].strip())
    return [part for part in parts if part]


def scenes(text: str, length: Callable[[str], int], limit: int) -> list[str]:
    """Cut `text` into scenes of at most `limit` units of `length`, at paragraphs if it can.

    A text that fits is one scene, unchanged. Nothing is left out: a paragraph over the limit
    is cut between sentences. Raises LithoError if a single sentence is over the limit.
    """
    if length(text) <= limit:
        return [text]
    parts: list[str] = []
    for block in paragraphs(text):
        if length(block) <= limit:
            _append(parts, block, "\n\n", length, limit)
            continue
        for count, sentence in enumerate(sentences(block)):
            if length(sentence) > limit:
                raise LithoError(
                    f"a sentence of {length(sentence)} tokens does not fit into the model's "
                    f"{limit}: split it, it begins {sentence[:60]!r}"
                )
            _append(parts, sentence, " " if count else "\n\n", length, limit)
    return parts


def _append(
    parts: list[str], piece: str, glue: str, length: Callable[[str], int], limit: int
) -> None:
    if parts and length(parts[-1] + glue + piece) <= limit:
        parts[-1] += glue + piece
    else:
        parts.append(piece)


def first_sentence(text: str) -> str | None:
    """What stands before the first full stop, question or exclamation mark of the first line.

    None if there is none: the sentence is not finished.
    """
    match = _FIRST.match(text)
    return match[0] if match else None


def last_sentence(text: str) -> int:
    """Where the last sentence of a text begins, which need not be finished."""
    return max(text.rfind(mark) + len(mark) if mark in text else 0 for mark in _ENDS)


def sentence_end(text: str, place: int) -> int:
    """Where the sentence that goes on at `place` ends, its last character included."""
    ends = [end for mark in _ENDS if (end := text.find(mark, place)) >= 0]
    return min(ends, default=len(text)) + 1
