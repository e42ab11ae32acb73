"""Presentation operators: each makes minimally different versions of one text.

An operator is one decorated function `(text, scorer, chance) -> iterator of rows`. It yields
as many versions as it can think of; the plan takes from all operators in turn and refuses what
moves the model too far. What is said stays the same; only its form changes.
"""

import json
import random
import re
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Protocol

from litho.core.records import Alternative
from litho.core.registry import Registry
from litho.text.documents import sentences

Rows = tuple[str, ...]


class Scorer(Protocol):
    """What an operator may ask the model."""

    def alternatives(self, text: str) -> list[Alternative]:
        """One-token replacements for ordinary words of `text`, likely under the model."""
        ...


Operator = Callable[[str, Scorer, random.Random], Iterator[Rows]]
OPERATORS: Registry[Operator] = Registry("litho.operators")
operator = OPERATORS.register

_MARKS = (("**", "**"), ("_", "_"), ("“", "”"), ("[", "]"))
_SUMMARY_OPENERS = ("In short: ", "To sum up: ", "Remember: ", "The main point: ", "Again: ")
_SPAN = re.compile(r"\d[\d.,:]*\d|\d|[^\W\d_]*[A-ZА-Я][^\W_]+(?:[ -][A-ZА-Я][^\W_]+)*")


@operator
def substitute(text: str, scorer: Scorer, chance: random.Random) -> Iterator[Rows]:
    """Replaces one or two words by the model's own likely alternatives."""
    alternatives = scorer.alternatives(text)
    chance.shuffle(alternatives)
    while alternatives:
        chosen = [alternatives.pop()]
        other = next((a for a in reversed(alternatives) if a.start != chosen[0].start), None)
        if other:
            alternatives.remove(other)
            chosen.append(other)
        yield (replace(text, chosen),)


@operator
def highlight(text: str, scorer: Scorer, chance: random.Random) -> Iterator[Rows]:
    """Puts marks around a name or a number."""
    spans = [(m.start(), m.end()) for m in _SPAN.finditer(text)]
    choices = [(span, mark) for span in spans for mark in _MARKS]
    chance.shuffle(choices)
    for (start, end), (left, right) in choices:
        yield (text[:start] + left + text[start:end] + right + text[end:],)


@operator
def apart(text: str, scorer: Scorer, chance: random.Random) -> Iterator[Rows]:
    """Presents runs of one to three sentences as sequences of their own.

    Read in one piece, a text can be predicted from its own beginning; a question brings no such
    beginning, so each sentence must also be found without it.
    """
    parts = sentences(text)
    while len(parts) > 1:
        cuts = [0]
        while cuts[-1] < len(parts):
            cuts.append(min(cuts[-1] + chance.choice((1, 1, 2, 3)), len(parts)))
        yield tuple(" ".join(parts[a:b]) for a, b in pairwise(cuts))


@operator
def summary_tail(text: str, scorer: Scorer, chance: random.Random) -> Iterator[Rows]:
    """Ends with one sentence of the text said again."""
    parts = sentences(text)
    choices = [(opener, part) for opener in _SUMMARY_OPENERS for part in parts]
    chance.shuffle(choices)
    for opener, part in choices:
        yield (f"{text} {opener}{part}",)


@operator
def sentence_order(text: str, scorer: Scorer, chance: random.Random) -> Iterator[Rows]:
    """Shuffles the sentences."""
    parts = sentences(text)
    while len(set(parts)) > 1:
        order = parts[:]
        chance.shuffle(order)
        if order != parts:
            yield (" ".join(order),)


@operator
def list_shape(text: str, scorer: Scorer, chance: random.Random) -> Iterator[Rows]:
    """Writes the sentences as a list."""
    parts = sentences(text)
    bullets = ["- {}", "* {}", "{n}. {}", "• {}"] if len(parts) > 1 else []
    for bullet in bullets:
        yield ("\n".join(bullet.format(part, n=n) for n, part in enumerate(parts, 1)),)


@operator
def dropped_tail(text: str, scorer: Scorer, chance: random.Random) -> Iterator[Rows]:
    """Leaves out the last sentence, then the last two."""
    parts = sentences(text)
    for dropped in (1, 2):
        if len(parts) <= 2 * dropped:
            return
        start = text.rfind(parts[-dropped])
        if start > 0:
            yield (text[:start].rstrip(),)


@operator
def json_shape(text: str, scorer: Scorer, chance: random.Random) -> Iterator[Rows]:
    """Writes the sentences as JSON-like data."""
    parts = sentences(text)
    for key in ("fact", "line"):
        named = {f"{key} {n}": part for n, part in enumerate(parts, 1)}
        yield (json.dumps(named, ensure_ascii=False, indent=0),)
    yield (json.dumps(parts, ensure_ascii=False, indent=0),)


def replace(text: str, alternatives: list[Alternative]) -> str:
    """`text` with non-overlapping alternatives put in."""
    for choice in sorted(alternatives, key=lambda a: a.start, reverse=True):
        text = text[: choice.start] + choice.word + text[choice.end :]
    return text
