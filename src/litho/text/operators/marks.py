"""Operators that put something around a text and leave its own words as they are."""

import random
from collections.abc import Iterator

from litho.text.markup import HIGHLIGHTS
from litho.text.operators.base import Rows, Scorer, fresh, operator
from litho.text.operators.places import FACT, ends_in_list, is_english, statements

_SUMMARY_OPENERS = ("In short: ", "To sum up: ", "Remember: ", "The main point: ", "Again: ")
_CONTEXTS = (
    "From an encyclopedia:",
    "From a book:",
    "From an article:",
    "Notes:",
    "A text:",
    "Reading for today:",
    "Chapter 3.",
    "Section 2.",
    "Background:",
    "For the record:",
    "The following is worth knowing.",
    "Here is what is known.",
)


@operator
def highlight(text: str, scorer: Scorer, chance: random.Random) -> Iterator[Rows]:
    """Puts marks around a name or a number."""
    spans = [match.span() for match in FACT.finditer(text)]
    choices = [(span, mark) for span in spans for mark in HIGHLIGHTS]
    chance.shuffle(choices)
    yield from fresh(
        text,
        (
            text[:start] + left + text[start:end] + right + text[end:]
            for (start, end), (left, right) in choices
        ),
    )


@operator
def summary_tail(text: str, scorer: Scorer, chance: random.Random) -> Iterator[Rows]:
    """Ends with one statement of the text said again."""
    if not is_english(text):
        return
    choices = [(opener, place.said) for opener in _SUMMARY_OPENERS for place in statements(text)]
    chance.shuffle(choices)
    gap = "\n\n" if ends_in_list(text) else " "
    yield from fresh(text, (f"{text}{gap}{opener}{said}" for opener, said in choices))


@operator
def prefix_context(text: str, scorer: Scorer, chance: random.Random) -> Iterator[Rows]:
    """Puts a short neutral opening such as "Notes:" before the text."""
    if not is_english(text):
        return
    # A heading or a list keeps its own line.
    gaps = (" ", "\n\n") if text[:1].isalnum() else ("\n\n",)
    versions = [f"{context}{gap}{text}" for context in _CONTEXTS for gap in gaps]
    chance.shuffle(versions)
    yield from fresh(text, versions)
