"""Operators that change words and leave the order and the shape of a text as they are."""

import random
import re
from collections.abc import Iterator

from litho.text.operators.base import Alternative, Rows, Scorer, fresh, operator
from litho.text.operators.places import (
    VERB,
    Sentence,
    changed,
    declares,
    in_quotes,
    is_english,
    lowered,
    put,
    statements,
)

Rule = tuple[re.Pattern[str], tuple[str, ...]]  # what is found, and what may stand there instead


def replace(text: str, alternatives: list[Alternative]) -> str:
    """`text` with non-overlapping alternatives put in."""
    for choice in sorted(alternatives, key=lambda a: a.start, reverse=True):
        text = text[: choice.start] + choice.word + text[choice.end :]
    return text


@operator
def substitute(text: str, scorer: Scorer, chance: random.Random) -> Iterator[Rows]:
    """Replaces one or two words by the model's own likely alternatives."""
    alternatives = list(scorer.alternatives(text))
    chance.shuffle(alternatives)
    yield from fresh(text, _substituted(text, alternatives))


def _substituted(text: str, alternatives: list[Alternative]) -> Iterator[str]:
    while alternatives:
        chosen = [alternatives.pop()]
        other = next((a for a in reversed(alternatives) if a.start != chosen[0].start), None)
        if other:
            alternatives.remove(other)
            chosen.append(other)
        yield replace(text, chosen)


def _swaps(*said: str) -> list[Rule]:
    """Each of these may stand for each other."""
    return [
        (re.compile(re.escape(one)), tuple(other for other in said if other != one)) for one in said
    ]


def _first(*said: str) -> list[Rule]:
    """As `_swaps`, but only where they begin a sentence."""
    return [(re.compile(rf"\A{pattern.pattern}"), instead) for pattern, instead in _swaps(*said)]


def _rule(pattern: str, *instead: str) -> list[Rule]:
    return [(re.compile(pattern), instead)]


# What begins a clause, so that "so" before it means "therefore".
_CLAUSE = (
    r"(?!the (?:story|legend|saying|tale|song|rumou?r) (?:goes|went|has|had|says|said|runs)\b)"
    r"(?!(?:he|she|it|they|we) (?:is said|says?|said|claim|seem|thought|believ|hope))"
    r"(?=(?:the|an?|this|these|he|she|it|they|we|there|his|her|its|their) )"
)
_THEREFORE = ("Therefore, ", "Thus, ", "Hence, ", "Consequently, ", "As a result, ")
_FINITE = r"(?:is|are|was|were|has|have|had|can|could|does|did|will|would|must)"
_POSSIBLE = r"(?:can|could|may|might|will|would|should)"
_CONNECTIVES: tuple[Rule, ...] = (
    *_rule(r"\AHowever, ", "But ", "Yet "),
    *_rule(r"\ABut (?!for |also |not |then )", "However, ", "Yet "),
    *_rule(r"\AYet (?!another |to |more |again |un)", "However, ", "But "),
    *_first(*_THEREFORE),
    *[(pattern, ("So ",)) for pattern, _ in _first(*_THEREFORE)],
    *_rule(rf"\A(?:So|Therefore|Thus) {_CLAUSE}", *_THEREFORE),
    *_first("In addition, ", "Moreover, ", "Furthermore, "),
    *_first("Nevertheless, ", "Nonetheless, ", "All the same, "),
    *_first("Meanwhile, ", "In the meantime, "),
    *_first("Despite ", "In spite of "),
    *_first("Because of ", "On account of ", "Owing to "),
    *_first("Although ", "Though ", "Even though "),
    *_rule(r"\ABecause (?!of )", "Since "),
    *_rule(r"; however, ", ", but ", ", yet "),
    *_rule(r", but (?!also |not |rather |only |for )", ", yet "),
    *_rule(rf", yet {_CLAUSE}", ", but "),
    *_rule(r", because (?!of )", ", since "),
    *_rule(rf", since {_CLAUSE}(?=(?:\w+ ){{1,4}}{_FINITE} )", ", because "),
    # "So the goats can leave" is a purpose.
    *_rule(rf", so {_CLAUSE}(?!(?:\w+ ){{1,4}}{_POSSIBLE} )", ", and so ", "; therefore, "),
    *_swaps("; therefore, ", "; thus, ", "; hence, ", "; consequently, "),
    *_swaps(" and therefore ", " and thus ", " and hence "),
    *_rule(r" although (?=\w)", " though ", " even though "),
    *_rule(r" even though (?=\w)", " although ", " though "),
    # "The price though was high" has an adverb.
    *_rule(
        rf"(?<!\beven)(?<!\bas) though (?=\w)(?!(?:\w+ly )?{VERB.pattern})",
        " although ",
        " even though ",
    ),
    *_swaps(", whereas ", ", while on the other hand "),
    *_swaps(" because of ", " on account of ", " owing to "),
    *_swaps(" despite ", " in spite of "),
    *_swaps(" for example", " for instance"),
    *_first("For example", "For instance"),
    *_swaps(", especially ", ", particularly ", ", in particular "),
    *_swaps(" in order to ", " so as to "),
    *_rule(r", too\.\Z", " as well."),
    *_rule(r" as well\.\Z", ", too."),
)
_NEGATED = re.compile(r"\b(?:not|no|never|neither|nothing|nobody|cannot)\b|n['’]t\b")
# "Everyone, but the captain, left" means "except".
_ALL = re.compile(r"\b(?:all|every\w*|any\w*)\b", re.IGNORECASE)
_COMMA = re.compile(r",(?!\d)")
# "She did as well" may mean "equally well".
_WELL_DONE = re.compile(r"\b(?:do|did|does|done|just|quite|nearly|almost|equally)$")
_PERFECT = re.compile(r"\b(?:has|have|had|ever)\b")
_ALSO = re.compile(r"([^,;:]+ (?:is|are|was|were|has|have|had|can|could|will)) also ([^,;:]+)\.")
_COORDINATION = re.compile(r"\b(?:and|but|or|only|that|which|who|when|because|not|no)\b")


@operator
def connective_swap(text: str, scorer: Scorer, chance: random.Random) -> Iterator[Rows]:
    """Replaces a connective such as "but" or "therefore" by one that means the same."""
    changes = [(place, new) for place in statements(text) for new in _reconnected(place.said)]
    yield from changed(text, changes, chance)


def _reconnected(sentence: str) -> Iterator[str]:
    for pattern, instead in _CONNECTIVES:
        for match in pattern.finditer(sentence):
            if not _other_meaning(match[0], sentence[: match.start()], sentence[match.end() :]):
                for new in instead:
                    yield sentence[: match.start()] + new + sentence[match.end() :]
    also = _ALSO.fullmatch(sentence)
    if also and not _COORDINATION.search(sentence):
        for end in (", too.", " as well."):
            if not _other_meaning(end, f"{also[1]} {also[2]}", ""):
                yield f"{also[1]} {also[2]}{end}"


def _other_meaning(connective: str, before: str, after: str) -> bool:
    """Whether the words around show that a connective is a quoted one or means something else."""
    if in_quotes(before, len(before)):
        return True
    if connective in (", too.", " as well."):
        return bool(_NEGATED.search(before) or _WELL_DONE.search(before))
    near, *more = _COMMA.split(after, maxsplit=1)
    if connective == ", but ":  # "not red, but green" is no contrast
        excepted = not VERB.search(near) and (more or _ALL.search(before))
        return bool(_NEGATED.search(before) or excepted)
    # "It has been open, since" is about time.
    return connective == ", since " and bool(_PERFECT.search(before) or more)


_DOUBLE_NEGATIONS = (
    "It is not false that {}",
    "It is not untrue that {}",
    "It is not wrong to say that {}",
    "It cannot be denied that {}",
    "It would be wrong to deny that {}",
)
_SINGLE_NEGATIONS = ("It is not the case that {}", "It is false that {}", "It is not true that {}")
_UNFIT_OPENING = re.compile(
    r"(?:But|And|Or|So|Yet|However|Therefore|Thus|Hence|Moreover|Furthermore|Nevertheless|Then"
    r"|Also|Besides|Meanwhile|Let|Please|Perhaps|Maybe|Now"
    # A command may follow: "If it rains, go in".
    r"|If|To|When|Before|After|Unless|Until)\b",
    re.IGNORECASE,
)
_NEXT_CLAUSE = re.compile(r"[;:]")  # the frame would not reach over it
# Words over which a negation must not be moved: "all are not" is not "not all are".
_SCOPE = re.compile(
    r"""(?i:\b(?:all|every|everyone|everybody|everything|each|some|someone|something|any|many|most
    |much|few|fewer|several|both|no|none|nobody|nothing|only|never|not|always|often|sometimes
    |usually|also|too|for|already|still|even|just|almost|because|since|until|as|and|but|or|nor|that
    |which|who|whom|whose|what|when|where|while|if|unless|although|though|so|must|may|might|should
    |hardly|barely|scarcely|rarely|seldom|than|said|one|two|three|at\ least|at\ most|either|neither
    |mostly|mainly|again|yet)\b)
    |n['’]t\b|[,;:()“”"—–]""",
    re.VERBOSE,
)
# One definite thing: "films are not silent" may be about some of them.
_DEFINITE = r"((?:(?:the|this|his|her|its|their|my|our|your) |(?:it|he|she)\b|[A-ZА-Я]).*?)"
_IS = re.compile(rf"{_DEFINITE} (is|was|(?:has|had)(?= been )) (\S.*)")
_IS_NOT = re.compile(rf"{_DEFINITE} (is|was|has|had|can|could|will|would) ?not (\S.*)")
_HAS_VERB_BEFORE = re.compile(r"\b\w+ed\b|\b(?:is|are|was|were|has|have|had|to|them)\b")


@operator
def negation(text: str, scorer: Scorer, chance: random.Random) -> Iterator[Rows]:
    """Says a sentence through a double negation."""
    changes = [(place, new) for place in statements(text) for new in _negations(place.said, text)]
    yield from changed(text, changes, chance)


def _negations(sentence: str, text: str) -> Iterator[str]:
    clause = lowered(sentence, text)
    if not (is_english(sentence) and VERB.search(clause) and declares(clause, text)):
        return
    if _UNFIT_OPENING.match(clause) or _NEXT_CLAUSE.search(clause):
        return
    for frame in _DOUBLE_NEGATIONS:
        yield frame.format(clause)
    turned = _turned(clause)
    if turned:
        for frame in _SINGLE_NEGATIONS:
            yield frame.format(turned)


def _turned(clause: str) -> str | None:
    """The opposite of a simple clause "X is Y" or "X is not Y"; None if that is not safe to say."""
    denied = _IS_NOT.fullmatch(clause)
    simple = denied or _IS.fullmatch(clause)
    if (
        not simple
        or _HAS_VERB_BEFORE.search(simple[1])
        or _SCOPE.search(f"{simple[1]} {simple[3]}")
    ):
        return None
    return f"{simple[1]} {simple[2]} {'' if denied else 'not '}{simple[3]}"


@operator
def restatement(text: str, scorer: Scorer, chance: random.Random) -> Iterator[Rows]:
    """Says a sentence in the model's own words, instead of the text's or after them."""
    places = statements(text)
    chance.shuffle(places)
    yield from fresh(text, _in_turn([_restated(text, place, scorer) for place in places]))


def _restated(text: str, place: Sentence, scorer: Scorer) -> Iterator[str]:
    for restated in scorer.restatements(text, place.said):
        new = " ".join(restated.split())
        if not new or new == place.said:
            continue
        # A model may name what the text does not, or something else than the sentence does.
        brings_none = _facts(lowered(new, text)) <= _facts(text)
        said = {fact.lower() for fact in _facts(lowered(place.said, text))}
        if brings_none and said <= _words(new.lower()):
            yield put(text, place, new)
            yield put(text, place, f"{place.said} In other words: {new}")


def _words(text: str) -> set[str]:
    return set(re.findall(r"\d[\d.,:]*\d|\w+", text))


def _facts(text: str) -> set[str]:
    """The numbers and the words with capitals."""
    return {word for word in _words(text) if word[0].isdigit() or word[0].isupper()}


def _in_turn(sources: list[Iterator[str]]) -> Iterator[str]:
    """One of each source after the other; so a model is asked only when it is a sentence's turn."""
    while sources:
        for source in sources[:]:
            version = next(source, None)
            if version is None:
                sources.remove(source)
            else:
                yield version
