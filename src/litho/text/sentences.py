"""Cutting a text into paragraphs and sentences."""

import re

ABBREVIATION = re.compile(
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
        if ABBREVIATION.search(piece):
            continue
        parts.append(piece)
        start = end
    parts.append(line[start:].strip())
    return [part for part in parts if part]


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


def words(text: str) -> list[str]:
    """The words and numbers of a text, in lower case and without the signs between them."""
    return re.findall(r"\w+", text.lower())
