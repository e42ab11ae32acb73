"""Chains drawn from a form: a wording filled with words, in two versions that differ in one fact.

Both answers stand in both versions, and what is right in one is wrong in the other. So whatever a
model prefers for other reasons (a word, a place) cancels in the difference.
"""

import random
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from litho.core.errors import LithoError
from litho.text.trails.check import SLOT
from litho.text.trails.library import Form, Library, NearMiss

# Of the words of a context. A consequent is an answer in the rules, a condition any other slot in
# them; in a fact every slot is a fact.
Role = Literal["condition", "consequent", "fact", "connective", "other"]
Apart = Callable[[Sequence[str]], bool]  # whether words can be told apart by how they begin

TRIES = 200
MOST_FILLERS = 2
_WORD = re.compile(r"[^\W\d_]+")


@dataclass(frozen=True)
class Span:
    """Some characters of a context."""

    start: int
    end: int
    role: Role
    slot: str | None = None


@dataclass(frozen=True)
class Context:
    """What stands before the answer, and what its words are there for."""

    text: str
    spans: tuple[Span, ...]
    asked: int = 0  # where what is asked begins


@dataclass(frozen=True)
class Pair:
    """Two contexts; the first makes the first answer right, the second the second."""

    form: str
    wording: int
    contexts: tuple[Context, Context]
    answers: tuple[str, str]
    slots: tuple[str, str]  # of the answers
    near: tuple[Context, Context] | None = None  # from which neither answer follows
    near_miss: str | None = None


@dataclass(frozen=True)
class Draw:
    """What is asked of a chain."""

    wording: int
    unseen: bool  # words that are kept for the test, or those that are trained on
    near_miss: int | None = None
    fillers: bool = True


def draw(library: Library, form: Form, wanted: Draw, chance: random.Random, apart: Apart) -> Pair:
    """A chain with new words. Raises LithoError if no two answers begin with different tokens."""
    values = _words(library, form, wanted.unseen, chance, apart)
    wording = form.wordings[wanted.wording]
    rules = chance.sample(wording.rules, len(wording.rules))
    count = chance.randrange(MOST_FILLERS + 1) if wanted.fillers and library.fillers else 0
    sentences = [(rule, True) for rule in rules]
    for filler in chance.sample(library.fillers, min(count, len(library.fillers))):
        sentences.insert(chance.randrange(len(sentences) + 1), (filler, False))

    def context(fact: str) -> Context:
        return _context(library, form, [*sentences, (fact, False)], wording.ask, values)

    near: NearMiss | None = None
    if wanted.near_miss is not None and form.near_misses:
        near = form.near_misses[wanted.near_miss % len(form.near_misses)]
    return Pair(
        form=form.form,
        wording=wanted.wording,
        contexts=(context(wording.facts[0]), context(wording.facts[1])),
        answers=(values[form.answers[0]], values[form.answers[1]]),
        slots=form.answers,
        near=(context(near.facts[0]), context(near.facts[1])) if near else None,
        near_miss=near.name if near else None,
    )


def _words(
    library: Library, form: Form, unseen: bool, chance: random.Random, apart: Apart
) -> dict[str, str]:
    """A word for every slot, no word twice; in half of the draws nonsense where there is any."""
    filled = False
    for _ in range(TRIES):
        nonsense = chance.random() < 0.5
        values: dict[str, str] = {}
        for slot, name in form.slots.items():
            words = library.words[name]
            pool = words.pool(nonsense and bool(words.nonsense), unseen)
            left = [word for word in pool if word not in values.values()]
            if not left:  # lists that share words
                break
            values[slot] = chance.choice(left)
        else:
            filled = True
            if apart([values[slot] for slot in form.answers]):
                return values
    if not filled:
        lists = ", ".join(sorted({*form.slots.values()}))
        raise LithoError(
            f"form {form.form!r}: its lists share so many words that none is left for a slot in "
            f"{TRIES} draws: add words to {lists}"
        )
    lists = " and ".join(sorted({form.slots[slot] for slot in form.answers}))
    raise LithoError(
        f"form {form.form!r}: in {TRIES} draws both answers began with the same token, and only "
        f"the first token of an answer is scored: choose other words for {lists}"
    )


def _context(
    library: Library,
    form: Form,
    sentences: Sequence[tuple[str, bool]],  # whether it is a rule
    ask: str,
    values: Mapping[str, str],
) -> Context:
    text, spans, asked = "", list[Span](), 0
    for template, is_rule in [*sentences, (ask, False)]:
        text += " " if text else ""
        asked = len(text)
        for piece, slot in _pieces(template):
            start = len(text)
            text += values[slot] if slot else piece
            if slot:
                spans.append(Span(start, len(text), _role(form, slot, is_rule), slot))
            else:
                spans += _connectives(library, piece, start)
    return Context(text, tuple(spans), asked)


def _pieces(template: str) -> Iterator[tuple[str, str | None]]:
    """What stands between the slots, and the slots."""
    for number, piece in enumerate(SLOT.split(template)):
        yield ("", piece) if number % 2 else (piece, None)


def _role(form: Form, slot: str, is_rule: bool) -> Role:
    if not is_rule:
        return "fact"
    return "consequent" if slot in form.answers else "condition"


def _connectives(library: Library, piece: str, start: int) -> Iterator[Span]:
    known = {word.casefold() for word in library.connectives}
    for word in _WORD.finditer(piece):
        if word.group().casefold() in known:
            yield Span(start + word.start(), start + word.end(), "connective")


def worked(pair: Pair, right: int) -> str:
    """A chain with its answer, as an example."""
    return f"{pair.contexts[right].text} {pair.answers[right]}."
