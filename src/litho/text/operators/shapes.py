"""Operators that give a text another shape: a list, data, questions, a talk."""

import json
import random
import re
from collections.abc import Iterator

from litho.text.operators.base import Rows, Scorer, fresh, operator
from litho.text.operators.places import (
    FACT,
    NAME,
    PAST,
    VERB,
    Sentence,
    bare,
    changed,
    fits,
    is_english,
    located,
    lowered,
    put,
    statements,
    unlisted,
    whole,
)
from litho.text.sentences import sentences


@operator
def list_shape(text: str, scorer: Scorer, chance: random.Random) -> Iterator[Rows]:
    """Writes the sentences as a list."""
    parts = [unlisted(part) for part in sentences(text)]
    bullets = ["- {}", "* {}", "{n}. {}", "• {}"] if len(parts) > 1 else []
    yield from fresh(
        text,
        (
            "\n".join(bullet.format(part, n=n) for n, part in enumerate(parts, 1))
            for bullet in bullets
        ),
    )


@operator
def json_shape(text: str, scorer: Scorer, chance: random.Random) -> Iterator[Rows]:
    """Writes the sentences as JSON-like data."""
    parts = [unlisted(part) for part in sentences(text)]
    named = [{f"{key} {n}": part for n, part in enumerate(parts, 1)} for key in ("fact", "line")]
    shapes = [*named, parts] if parts else []
    yield from fresh(text, (json.dumps(shape, ensure_ascii=False, indent=0) for shape in shapes))


_LAYOUTS = ("Question: {} Answer: {}", "Q: {} A: {}", "{} {}")
_PRONOUN = "It|He|She|They"
_OBJECT = {"It": "it", "He": "him", "She": "her", "They": "them"}
_IS = re.compile(
    rf"(?P<x>(?:The|An?) [^,;:()]+?|{NAME}|{_PRONOUN}) (?P<verb>is|are|was|were) (?P<y>[^;:]+)\."
)
# A subject with one of these is no subject but a clause.
_CLAUSE = re.compile(
    r"\b(?:and|or|but|that|which|who|when|where|while|if|because|as|it|he|she|they|says|thought"
    r"|knew|to|although|though|since|after|before|until|unless)\b"
    rf"|{VERB.pattern}"
)
_DID = re.compile(rf"(?P<x>{NAME}) (?P<did>{PAST} [^;:]+)\.")
# "Larger than in 1940", "early in 1940": the year is not when it was.
_NOT_THEN = r"(?!.*\bthan\b)(?!.*\b(?:as|early|late|later|back|only|even|again) in \d)"
_YEAR_FIRST = re.compile(rf"In \d{{3,4}}, {_NOT_THEN}(?P<rest>[^;:]+)\.")
_PRESENT = re.compile(r"\b(?:is|are|has|have|will)\b")
_YEAR_LAST = re.compile(rf"{_NOT_THEN}(?P<rest>[^,;:]+) in \d{{3,4}}")
_PLACE = re.compile(
    rf"(?P<rest>(?:(?:located|situated|held|born|built|founded|presented|kept|found|made|shown"
    rf"|published|buried|established)\b[^,]*? ?)?)\b(?:in|at|near) (?:the )?(?P<name>{NAME})"
)
_DATE_OR_LANGUAGE = re.compile(
    r"(?:Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday|January|February|March|April|May|June|July|August|September"
    r"|October|November|December|English|German|French|Latin|Greek|Russian|Spanish|Italian)\b"
)
_BY = re.compile(
    rf"(?P<before>\w+) by (?:the )?(?:[a-z]+ ){{0,2}}(?P<name>{NAME})"
    r"(?P<after>(?: (?:in|at|on) .*)?)"
)
_JOINED = re.compile(r", (?:and|but|or|so|yet) ")


@operator
def question_answer(text: str, scorer: Scorer, chance: random.Random) -> Iterator[Rows]:
    """Asks what a sentence says and lets the sentence answer."""
    asked = [(place, q) for place in statements(text) for q in _questions(place.said, text)]
    changes = [
        (place, layout.format(question, place.said))
        for place, question in asked
        for layout in _LAYOUTS
    ]
    if len(asked) > 1:
        first = dict(reversed(asked))
        changes += [(whole(text), _all_asked(text, first, layout)) for layout in _LAYOUTS]
    yield from changed(text, changes, chance)


def _all_asked(text: str, questions: dict[Sentence, str], layout: str) -> str:
    """Every sentence on a line of its own, with its question if there is one."""
    return "\n".join(
        layout.format(questions[place], place.said) if place in questions else place.said
        for place in located(text)
    )


def _questions(sentence: str, text: str) -> Iterator[str]:
    """Questions that `sentence` answers, the most particular ones first."""
    # Asked by somebody else, "you" and "my" would mean somebody else.
    if not is_english(sentence) or _PERSON.search(sentence):
        return
    yield from _about_being(sentence, text)
    yield from _about_doing(sentence, text)
    about = lowered(_subject(sentence, text), text)
    if about and fits(about, text):
        yield f"What is said about {about}?"


def _subject(sentence: str, text: str) -> str:
    """Whom or what a sentence is about, as far as its form shows that; else its first name."""
    if pronoun := re.match(rf"(?:{_PRONOUN})\b", sentence):
        return _OBJECT[pronoun[0]]
    for pattern in (_IS, _DID):
        match = pattern.fullmatch(sentence)
        if match and _is_subject(match["x"]):
            return match["x"]
    for match in re.finditer(rf"(?:the )?{NAME}", sentence):
        name = match[0] if match[0].lower().startswith("the ") else bare(match[0])
        # A capital at the beginning shows no name: "Below them …", "Sit down."
        sure = match.start() > 0 or fits(match[0], text)
        if sure and len(name) > 1 and not _DATE_OR_LANGUAGE.match(name):
            return name
    return ""


def _is_subject(words: str) -> bool:
    """Whether these words before a verb are one noun phrase, no clause and no adverbial."""
    if _CLAUSE.search(words):
        return False
    return bare(words) == words or bool(re.match(rf"(?:The|An?) |(?:{_PRONOUN})$", words))


def _about_being(sentence: str, text: str) -> Iterator[str]:
    match = _IS.fullmatch(sentence)
    if not match or not _is_subject(match["x"]) or _JOINED.search(match["y"]):
        return
    subject, verb, rest = lowered(match["x"], text), match["verb"], match["y"]
    if fits(subject, text):
        yield from _about_one(subject, verb, rest, _who(match["x"]))
    if not re.fullmatch(_PRONOUN, match["x"]):
        yield f"{_who(match['x'])} {verb} {rest}?"


def _about_one(subject: str, verb: str, rest: str, who: str) -> Iterator[str]:
    """Questions that name the subject of "`subject` `verb` `rest`"."""
    asked = f"{verb} {subject}"
    if year := _YEAR_LAST.fullmatch(rest):
        yield f"When {asked} {year['rest']}?"
    if (place := _PLACE.fullmatch(rest)) and not _DATE_OR_LANGUAGE.match(place["name"]):
        yield f"Where {asked} {place['rest']}".rstrip() + "?"
    if (maker := _BY.fullmatch(rest)) and not _DATE_OR_LANGUAGE.match(maker["name"]):
        whom = "whom" if _who(maker["name"]) == "Who" else "whom or what"
        yield f"By {whom} {asked} {maker['before']}{maker['after']}?"
    if subject.capitalize() not in _OBJECT and re.match(r"(?:an?|the) ", rest):
        yield f"{who} {asked}?"


def _about_doing(sentence: str, text: str) -> Iterator[str]:
    match = _YEAR_FIRST.fullmatch(sentence)
    if match and not _PRESENT.search(match["rest"]):
        yield f"When was it that {match['rest']}?"
    match = _DID.fullmatch(sentence)
    if not match or re.fullmatch(_PRONOUN, match["x"]) or _JOINED.search(match["did"]):
        return
    if _is_subject(match["x"]):
        subject = lowered(match["x"], text)
        if fits(subject, text) and (year := _YEAR_LAST.fullmatch(match["did"])):
            yield f"When was it that {subject} {year['rest']}?"
        yield f"{_who(match['x'])} {match['did']}?"


def _who(subject: str) -> str:
    """The question word; a name alone does not show whether it is a person's."""
    if re.match(r"(?:Dr|Mr|Mrs|Ms|Prof)\. ", subject):
        return "Who"
    return "Who or what"


_BLANK = "_____"
_CLOZES = (
    "{blank} {whole}",
    "{blank} What is missing is {answer}. {whole}",
    "Fill in the blank: {blank} Answer: {answer}. {whole}",
)
_LONG_WORD = re.compile(r"(?<!\w)[^\W\d_]{6,}(?!\w)")


@operator
def cloze(text: str, scorer: Scorer, chance: random.Random) -> Iterator[Rows]:
    """Leaves a name, number or word of a sentence blank, then says the sentence whole."""
    choices = [
        (place, gap, frame)
        for place in statements(text)
        for gap in _gaps(place.said)
        for frame in (_CLOZES if is_english(place.said) else _CLOZES[:1])
    ]
    chance.shuffle(choices)
    # Made one at a time: a long sentence has hundreds.
    blanked = ((place, _with_blank(place.said, gap, frame)) for place, gap, frame in choices)
    yield from fresh(text, (put(text, place, new) for place, new in blanked))


def _gaps(sentence: str) -> list[tuple[int, int]]:
    """What may be left out: short enough for the rest to say what is missing."""
    spans = {m.span() for pattern in (FACT, _LONG_WORD) for m in pattern.finditer(sentence)}
    named = {(end - len(bare(sentence[start:end])), end) for start, end in spans}
    return sorted((start, end) for start, end in named if 0 < 2 * (end - start) < len(sentence))


def _with_blank(sentence: str, gap: tuple[int, int], frame: str) -> str:
    start, end = gap
    blank = sentence[:start] + _BLANK + sentence[end:]
    return frame.format(blank=blank, answer=sentence[start:end], whole=sentence)


_SPEAKERS = (
    "The teacher",
    "The guide",
    "The librarian",
    "A neighbour",
    "A colleague",
    "The expert",
)
_SAYING = ("{} said: “{}”", "{} explained: “{}”", "{}: {}")
_PAIRS = (
    ("A", "B"),
    ("Teacher", "Pupil"),
    ("Guide", "Visitor"),
    ("First speaker", "Second speaker"),
)
# In the mouth of somebody else these would mean somebody else.
_PERSON = re.compile(r"\b(?:I|me|my|mine|myself|we|us|our|ours|you|yours?)\b", re.IGNORECASE)


@operator
def speaker_change(text: str, scorer: Scorer, chance: random.Random) -> Iterator[Rows]:
    """Lets a speaker say a sentence, or two speakers the whole text in turn."""
    spoken = [place for place in statements(text) if not _PERSON.search(place.said)]
    changes = [
        (place, saying.format(speaker, _inner_quotes(place.said)))
        for place in spoken
        for speaker in _SPEAKERS
        for saying in _SAYING
        if is_english(place.said)
    ]
    changes += [(whole(text), talk) for talk in _talks(text)]
    yield from changed(text, changes, chance)


def _talks(text: str) -> list[str]:
    parts = [place.said for place in located(text)]
    if len(parts) < 2 or _PERSON.search(text):
        return []
    return ["\n".join(f"{pair[n % 2]}: {part}" for n, part in enumerate(parts)) for pair in _PAIRS]


def _inner_quotes(sentence: str) -> str:
    """`sentence` as it is written inside double quotes."""
    single = re.sub(r'"([^"]*)"', r"‘\1’", sentence)
    return single.replace("“", "‘").replace("”", "’")
