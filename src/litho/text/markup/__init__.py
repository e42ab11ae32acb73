"""The presentation markup: what may shift between presentations, written inside the text.

docs/markup.md describes the language. Everything that can be built here can be written and read
back: marks trim their parts, texts side by side become one, and what has no sense is refused.
"""

from litho.text.markup.expand import HIGHLIGHTS, Expansion, expand, expansions, plain
from litho.text.markup.marks import Content, Document, Kind, Mark, MarkupError, has_marks
from litho.text.markup.parse import (
    Span,
    brackets_notice,
    highlighted,
    marks_notice,
    parse,
    read_plain,
)
from litho.text.markup.write import write

__all__ = [
    "HIGHLIGHTS",
    "Content",
    "Document",
    "Expansion",
    "Kind",
    "Mark",
    "MarkupError",
    "Span",
    "brackets_notice",
    "expand",
    "expansions",
    "has_marks",
    "highlighted",
    "marks_notice",
    "parse",
    "plain",
    "read_plain",
    "write",
]
