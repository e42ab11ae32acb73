"""Operators that change what comes first, what stands together and what is left out."""

import random
import re
from collections.abc import Iterator
from itertools import pairwise

from litho.text.operators.base import Rows, Scorer, fresh, operator
from litho.text.operators.places import (
    VERB,
    changed,
    declares,
    joined,
    located,
    lowered,
    raised,
    statements,
)
from litho.text.sentences import sentences


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
        rows = tuple(joined(parts[a:b]) for a, b in pairwise(cuts))
        if rows != (text,):
            yield rows


@operator
def sentence_order(text: str, scorer: Scorer, chance: random.Random) -> Iterator[Rows]:
    """Shuffles the sentences."""
    parts = sentences(text)
    while len(set(parts)) > 1:
        order = parts[:]
        chance.shuffle(order)
        if order != parts:
            yield (joined(order),)


_SUBORDINATE = "when|if|because|after|before|although|though|until|unless|since"
_CLAUSE = r"(?:[^,;]|,(?=\d))+"  # with numbers such as 4,800
_ADVERBIAL = r"despite|during|in(?= \d{3,4},)"
_FRONTED = re.compile(
    rf"({_SUBORDINATE}|{_ADVERBIAL}) ({_CLAUSE}), (?:then )?({_CLAUSE})\.", re.IGNORECASE
)
_TRAILING = re.compile(rf"({_CLAUSE}?),? ({_SUBORDINATE}|despite) ({_CLAUSE})\.")
_SIDE_BY_SIDE = re.compile(rf"({_CLAUSE})(; |, and )({_CLAUSE})\.")
_IDIOM = re.compile(r"(?:all|long|so|not|anything|necessary|possible)", re.IGNORECASE)
# A clause with one of these may swallow what is moved to its end, or not belong to it.
_SCOPE = re.compile(
    rf"(?i:\b(?:{_SUBORDINATE}|that|which|who|whom|whose|whether|while|as|and|but|or|nor|not|never"
    r"|no|none|only|even|so|cannot|said|says|thought|believed|knew|hoped|promised|claimed)\b)"
    r"|n['’]t\b|[;:()“”\"—–]|\bto (?!the |an? |his |her |its |their |[A-ZА-Я])"
)
# What points back must not come before what it points to.
_POINTING = re.compile(
    r"\b(?:he|she|it|they|him|her|them|his|hers|its|their|theirs|himself|herself|itself"
    r"|themselves|this|these|those|there|then|thus|therefore|however|instead|otherwise|also|too"
    r"|such|same|former|latter|others?|another|next|later|afterwards|so|one|ones)\b",
    re.IGNORECASE,
)
# "He asked when", "the day after", "only because", "it is unclear when": no clause to be moved.
_BOUND = re.compile(
    r"(?:\d|\b(?:only|even|just|soon|shortly|long|right|immediately|partly|mainly|largely|merely"
    r"|simply|ever|times?|moments?|minutes?|hours?|days?|nights?|weeks?|months?|years?|decades?"
    r"|century|centuries|what|well|some|clear|certain|sure|known|mornings?|evenings?|periods?|dates?"
    r"|seasons?|eras?))$|\b(?:un(?:clear|certain|sure|known)|times?"
    r"|(?:summer|winter|spring|autumn)s?)\b"
    r"|^It (?:is|was|remain(?:s|ed)|has been|had been|became)\b"
    r"|\b(?:ask|know|wonder|remember|tell|told|learn|see|saw|decide|doubt|explain|describe|show"
    r"|forg[eo]t|check)(?:s|ed|d|n)?\b"
)
# "The price though was high": an adverb, not a conjunction.
_NO_SUBJECT = re.compile(rf"(?:\w+ly )?{VERB.pattern}")
_FINITE = re.compile(r"\b(?:is|are|was|were|has|have|had|can|could|did|does|came|went|\w+ed)\b")
# States hold at one time in any order; events follow each other.
_STATE = re.compile(
    r"\b(?:is|are)\b|\b(?:was|were) (?:an?|the|in|at|on|of|near|high|low|old|new|large|small)\b"
)


@operator
def clause_order(text: str, scorer: Scorer, chance: random.Random) -> Iterator[Rows]:
    """Exchanges the two clauses of a sentence where that is safe."""
    exchanges = [(place, _exchanged(place.said, text)) for place in statements(text)]
    yield from changed(text, [(place, new) for place, new in exchanges if new], chance)


def _exchanged(sentence: str, text: str) -> str | None:
    if match := _FRONTED.fullmatch(sentence):
        return _to_the_end(match[1].lower(), match[2], match[3])
    if match := _SIDE_BY_SIDE.fullmatch(sentence):
        return _other_way_round(match[1], match[2], match[3], text)
    if match := _TRAILING.fullmatch(sentence):
        return _to_the_front(match[1], match[2], match[3], text)
    return None


def _to_the_end(conjunction: str, condition: str, main: str) -> str | None:
    if _IDIOM.fullmatch(condition) or _SCOPE.search(f"{condition} {main}"):
        return None
    if _POINTING.search(main):
        return None
    comma = "," if conjunction in ("although", "though") else ""
    return f"{raised(main)}{comma} {conjunction} {condition}."


def _to_the_front(main: str, conjunction: str, condition: str, text: str) -> str | None:
    if _SCOPE.search(f"{main} {condition}") or _POINTING.search(condition) or _BOUND.search(main):
        return None
    if _NO_SUBJECT.match(condition):
        return None
    # "life after death" is no clause of its own.
    if conjunction in ("after", "before") and not _FINITE.search(condition):
        return None
    main = lowered(main, text)
    return f"{raised(conjunction)} {condition}, {main}." if declares(main, text) else None


def _other_way_round(first: str, between: str, second: str, text: str) -> str | None:
    if _SCOPE.search(f"{first} {second}") or _POINTING.search(f"{first} {second}"):
        return None
    if not (_STATE.search(first) and _STATE.search(second)):
        return None
    return f"{raised(second)}{between}{lowered(first, text)}."


@operator
def dropped_tail(text: str, scorer: Scorer, chance: random.Random) -> Iterator[Rows]:
    """Leaves out the last sentence, then the last two."""
    yield from fresh(text, _shortened(text))


def _shortened(text: str) -> Iterator[str]:
    parts = located(text)
    for dropped in (1, 2):
        if len(parts) > 2 * dropped:
            yield text[: parts[-dropped - 1].end]
