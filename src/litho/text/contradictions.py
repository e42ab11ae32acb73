"""Statements of different pages that cannot both be right, found by their words alone."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import chain, combinations, product

from litho.text.items import Probe
from litho.text.pages import Page
from litho.text.sentences import sentences, words

SHARED = 0.7  # of the words of two statements, at least
_NAME = re.compile(r"[^\W\d_a-z]\w+")
_SIGNS = re.compile(r"^\W+|\W+$")


@dataclass(frozen=True)
class _Said:
    """A statement of a page; `answer` is where it ends, if it is a question's answer."""

    page: str
    text: str
    words: tuple[str, ...]  # as they are written, without signs at their ends
    known: frozenset[str]


def contradictions(pages: Sequence[Page]) -> Iterator[str]:
    """A sentence on each two pages of which a statement or a probe says another name or number.

    Two statements count if they are alike but for one place, where both have a name or a number,
    and share a name elsewhere: what they are about. Of probes the same question counts, answered by
    other words. What is said in quite other words is not found.
    """
    by_page = [_statements(page) for page in pages]
    for (first, own), (second, others) in combinations(zip(pages, by_page, strict=True), 2):
        said = (f"“{a.text}” and “{b.text}”" for a, b in product(own, others) if _differ(a, b))
        asked = _asked_alike(first.probes or (), second.probes or ())
        if found := next(chain(said, asked), None):
            yield f"the pages {first.name!r} and {second.name!r} may contradict each other: {found}"


def _statements(page: Page) -> list[_Said]:
    said = []
    for sentence in sentences(page.text):
        written = tuple(word for part in sentence.split() if (word := _SIGNS.sub("", part)))
        said.append(_Said(page.name, sentence, written, frozenset(written)))
    return said


def _differ(a: _Said, b: _Said) -> bool:
    longer = max(len(a.words), len(b.words))
    if len(a.known & b.known) < SHARED * longer or a.words == b.words:
        return False
    changes = [
        # The first word of a sentence has a capital anyway.
        (a.words[i:j], b.words[k:m], a.words[1:i] + a.words[j:])
        for change, i, j, k, m in SequenceMatcher(None, a.words, b.words, False).get_opcodes()
        if change != "equal"
    ]
    if len(changes) != 1:
        return False
    mine, yours, rest = changes[0]
    return any(map(_NAME.match, rest)) and any(map(_tells, mine)) and any(map(_tells, yours))


def _tells(word: str) -> bool:
    """Whether a word is a name or a number."""
    return bool(_NAME.match(word)) or any(map(str.isdigit, word))


def _asked_alike(first: Sequence[Probe], second: Sequence[Probe]) -> Iterator[str]:
    known = {tuple(words(probe.prefix)): probe for probe in first if probe.kind != "neighbour"}
    for probe in second:
        other = known.get(tuple(words(probe.prefix)))
        if other is None or probe.kind == "neighbour":
            continue
        answers = [" ".join(words(each.target)) for each in (other, probe)]
        if not (answers[0] in answers[1] or answers[1] in answers[0]):
            yield f"“{other.prefix}”: “{other.target}” and “{probe.target}”"
