"""Sentences where they stand, so that an operator can change one and leave the rest as it is."""

import random
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from litho.text.operators.base import Rows, fresh
from litho.text.sentences import paragraphs, sentences

_TITLE = r"(?:(?:Dr|Mr|Mrs|Ms|Prof|St)\. )"
_CAPITALISED = r"[A-ZА-Я][\w’'-]*"
NAME = rf"{_TITLE}?{_CAPITALISED}(?: (?:of (?:the )?|the |de |van |von )?{_CAPITALISED})*"
FACT = re.compile(r"\d[\d.,:]*\d|\d|(?<![^\W\d_])[^\W\d_]*[A-ZА-Я][^\W_]+(?:[ -][A-ZА-Я][^\W_]+)*")
PAST = (
    r"(?:\w+ed|led|built|made|wrote|won|became|held|gave|took|went|came|ran|began|found|left|sold"
    r"|bought|said|saw|grew|drew|kept|met|lost|sent|taught|brought|spoke|rose|fell|died|had|was|were"
    r"|did|could|would)"
)
VERB = re.compile(
    rf"\b(?:{PAST}|is|are|has|have|does|do|can|will|must|may|lies?|stands?|remains?|belongs?|shows?"
    r"|holds?|gives?|makes?|needs?|leads?|owns?|lives?|works?|contains?|comes?|goes|runs?|means?)\b"
)
_NAME_AND_VERB = re.compile(rf"{NAME},? {VERB.pattern}")
_SURE_NAME = re.compile(rf"{_TITLE}|{_CAPITALISED} [A-ZА-Я]")
_INSIDE = re.compile(rf"(?=(?:[^\W_],? |; |\b{_TITLE})([A-ZА-Я]\w*))")
_MARK = re.compile(r"(?:#+|[-*+•>]|\d+[.)])\s+")
_ENGLISH = re.compile(
    r"\b(?:the|of|and|is|are|was|were|has|had|by|with|from|for|it|she|they|this|grew|drew|built"
    r"|bought|brought|taught|wrote|became|began)\b",
    re.IGNORECASE,
)
# Words that are written with a capital only where they begin a sentence.
_ORDINARY = frozenset(
    """
    the a an this that these those his her its their our my your he she it they we you one two
    three four five six seven eight nine ten some many most all each every both no there here in on
    at by for from with without under over after before during since until when while as if because
    although though despite through between among against about to of today now then not only
    several other another and but or yet so also however therefore thus hence consequently moreover
    furthermore nevertheless nonetheless meanwhile besides nothing nobody none neither either
    everyone everybody everything someone somebody something anyone anybody anything such others
    what who whoever whatever how where why even only just once later soon earlier afterwards
    yesterday tomorrow tonight sometimes often always never perhaps maybe again already
    instead otherwise elsewhere everywhere nowhere somewhere finally eventually originally
    initially recently suddenly usually generally apparently unfortunately
    """.split()  # noqa: SIM905  a list of a hundred quoted words is no easier to read
)


class Sentence(NamedTuple):
    """One sentence: `said`, on one line, takes characters `start` to `end` of its text."""

    start: int
    end: int
    said: str


def located(text: str) -> list[Sentence]:
    """The sentences of `text` where they stand, without the marks of headings and lists."""
    placed, place = [], 0
    for sentence in sentences(text):
        # A sentence may be wrapped over lines in the text.
        match = re.compile(r"\s+".join(map(re.escape, sentence.split()))).search(text, place)
        if match:
            place = match.end()
            mark = _MARK.match(text, match.start(), place)
            start = mark.end() if mark else match.start()
            placed.append(Sentence(start, place, " ".join(text[start:place].split())))
    return placed


def statements(text: str) -> list[Sentence]:
    """The sentences that state something in the text's own voice: no headings, no speech."""
    return [
        place
        for place in located(text)
        if place.said[:1].isalnum()
        and not place.said[0].islower()
        and place.said.endswith((".", "。"))
        and any(letter.isalpha() for letter in place.said)
        and not text[: place.start].rstrip(" ").endswith(("#", "|"))
        and not in_quotes(text, place.start)
    ]


def whole(text: str) -> Sentence:
    """All of `text` as one place."""
    return Sentence(0, len(text), text)


def unlisted(sentence: str) -> str:
    """`sentence` without the mark of a list before it; a heading's stays and shows what it is."""
    mark = None if sentence.startswith("#") else _MARK.match(sentence)
    return sentence[mark.end() :] if mark else sentence


def joined(parts: list[str]) -> str:
    """`parts` after each other, with headings, list items and table rows on lines of their own."""
    text = ""
    for before, part in zip(["", *parts], parts, strict=False):
        own_line = _MARK.match(part) or part.startswith("|") or before.startswith(("#", "|"))
        text += ("\n" if own_line else " ") + part if text else part
    return text


def ends_in_list(text: str) -> bool:
    """Whether words right behind `text` would belong to a list or a heading."""
    lines = paragraphs(text)[-1].splitlines() if text.strip() else []
    return any(_MARK.match(line.lstrip()) or line.startswith(("#", "|")) for line in lines)


def put(text: str, place: Sentence, new: str) -> str:
    """`text` with `new` where `place` stood."""
    return text[: place.start] + new + text[place.end :]


def changed(
    text: str, changes: list[tuple[Sentence, str]], chance: random.Random
) -> Iterator[Rows]:
    """`text` with one of `changes` (a place and what is put there) after the other made in it."""
    chance.shuffle(changes)
    yield from fresh(text, (put(text, place, new) for place, new in changes))


def in_quotes(text: str, at: int) -> bool:
    """Whether a quotation of the same paragraph is open before character `at`."""
    before = text[text.rfind("\n\n", 0, at) + 1 : at]
    return before.count('"') % 2 == 1 or before.count("“") > before.count("”")


def is_english(text: str) -> bool:
    """Whether English words around `text` would be in its own language."""
    return _ENGLISH.search(text) is not None


def lowered(sentence: str, text: str) -> str:
    """`sentence` as it is written after other words: without its capital, if that is no name's."""
    word = re.match(r"[^\W\d_]+(?![\w.’'-])", sentence)
    if not word or (len(word[0]) > 1 and not word[0][1:].islower()):
        return sentence
    small = word[0].lower()
    # "Mill Road" is a name, even where the text speaks of a mill.
    begins_name = re.match(r" ?[A-ZА-Я]", sentence[word.end() :])
    common = not begins_name and re.search(rf"(?<!\w){small}(?!\w)", text)
    return small + sentence[word.end() :] if small in _ORDINARY or common else sentence


def fits(words: str, text: str) -> bool:
    """Whether `lowered` words may stand after others: their capital, if any, is surely a name's."""
    if words[:1].islower() or _SURE_NAME.match(words):
        return True
    word = re.match(_CAPITALISED, words)
    if not word:
        return False
    if not word[0][1:].islower():  # "USA", "McGill", "I"
        return True
    # At the beginning of a sentence "Bread" and "Nora" look alike.
    return re.split(r"[’'-]", word[0])[0] in _capitals_inside(text)


@lru_cache(maxsize=4)  # it is asked of each sentence of one text
def _capitals_inside(text: str) -> frozenset[str]:
    """The words that have a capital where no sentence begins."""
    return frozenset(word for place in statements(text) for word in _INSIDE.findall(place.said))


def declares(clause: str, text: str) -> bool:
    """Whether a `lowered` clause fits behind other words and states something: no command."""
    return clause[:1].islower() or (_NAME_AND_VERB.match(clause) is not None and fits(clause, text))


def bare(name: str) -> str:
    """`name` without an ordinary word that begins a sentence before it: "In Keld" is about Keld."""
    first, _, rest = name.partition(" ")
    return rest if first.lower() in _ORDINARY else name


def raised(clause: str) -> str:
    """`clause` with a capital."""
    return clause[:1].upper() + clause[1:]
