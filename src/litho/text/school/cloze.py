"""Questions from real books: words left out of a page, and which section comes next."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, islice, pairwise, zip_longest
from math import ceil
from random import Random

from litho.text.school import books
from litho.text.school.chance import chance
from litho.text.school.questions import Question
from litho.text.school.shelf import FileBook, Shelf

CLOZE = ("cloze_name", "cloze_number", "cloze_word", "order")
BOOKS = 100  # of more, as many are drawn
CANDIDATES = 8
CONTEXT = 40  # words before a gap, or at the end of a section
OPENING = 16  # words at the beginning of a section
FEWEST, RARE = 2, 12  # times that a word stands in its book
LONG = 5  # letters of a rare word
TRIES = 8  # places of a word that are looked at, and words for each question
SPARE = 3  # times its share of the questions, which a book has for those that have fewer
NEAR = 24  # words of the like frequency, from which wrong candidates are drawn
_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
_BEGINS = re.compile(r"(?:^|[.?!:;\"“”‘’(\[—_*-]|\n\s*\n)\s*$")
_SIGNS = ' \n\t.,;:!?()[]"“”‘’—_*'  # that may stand beside a whole word
_ARTICLES = frozenset(
    "the a an this his her its their my our your some no every each".split()  # noqa: SIM905
)
Pools = dict[tuple[str, str], list[str]]  # words by kind of question and shape, frequent first


@dataclass(frozen=True)
class _Reader:
    """A book that is asked about."""

    name: str
    book: FileBook

    @cached_property
    def text(self) -> str:
        return self.book.book.text

    @cached_property
    def pools(self) -> Pools:
        words = _WORD.findall(self.text)
        counts, behind = Counter(words), Counter[str]()
        for before, word in pairwise(words):
            behind[word] += before.lower() in _ARTICLES
        found: Pools = {}
        for word in sorted(counts, key=lambda each: (-counts[each], each)):
            if kind := _kind(word, counts, behind[word]):
                found.setdefault((kind, _shape(word)), []).append(word)
        return found

    def cloze(self, kind: str, most: int) -> Iterator[Question]:
        """About up to `most` words, each once, at one of its places."""
        draw = chance("cloze", self.book.digest, kind)
        words = [(word, pool) for (k, _), pool in self.pools.items() if k == kind for word in pool]
        draw.shuffle(words)
        tried = words[: TRIES * most]
        found = (q for word, pool in tried if (q := self._asked(word, kind, pool, draw)))
        yield from islice(found, most)

    def _asked(self, word: str, kind: str, pool: list[str], draw: Random) -> Question | None:
        places = list(self._places(word))
        some = draw.sample(places, min(TRIES, len(places)))
        found = (self._about(word, kind, start, pool, draw) for start in some)
        return next(filter(None, found), None)

    def _places(self, word: str) -> Iterator[int]:
        """Where a word stands by itself."""
        start = self.text.find(word)
        while start >= 0:
            end = start + len(word)
            if not (self.text[start - 1 : start] + self.text[end : end + 1]).strip(_SIGNS):
                yield start
            start = self.text.find(word, end)

    def _about(
        self, word: str, kind: str, start: int, pool: list[str], draw: Random
    ) -> Question | None:
        """None where the page before says the word, or too few others are like it."""
        section = self._section(start)
        before = self.text[max(section.start, start - 20 * CONTEXT) : start]
        lead = " ".join(before.split()[-CONTEXT:])
        said = set(_WORD.findall(lead))
        if not before[-1:].isspace() or _BEGINS.search(before) or len(said) < CONTEXT // 2:
            return None
        rank = pool.index(word)
        near = pool[max(0, rank - NEAR // 2) : rank + NEAR // 2 + 1]
        wrong = [other for other in near if other not in said | {word}]
        draw.shuffle(wrong)
        candidates = _apart([word, *wrong])[:CANDIDATES]
        if word in said or len(candidates) < CANDIDATES:
            return None
        draw.shuffle(candidates)
        return Question(
            id=f"{kind}:{self.name}:{start}",
            kind=kind,
            question="",
            lead=lead,
            answer=word,
            candidates=tuple(candidates),
            facts=(f"{self.name}:{start}",),
            sections=(f"{self.name}#{section.name}",),
            stop="",
        )

    def order(self) -> Iterator[Question]:
        """Where a section ends: how the next one begins, and another one."""
        sections = [s for s in self.book.book.sections if s.name in self.book.sections]
        draw = chance("order", self.book.digest)
        pairs = list(range(len(sections) - 1))
        draw.shuffle(pairs)
        for number in pairs:
            here, following = sections[number], sections[number + 1]
            others = [s for i, s in enumerate(sections) if i not in (number, number + 1)]
            if here.end != following.start or not others:
                continue
            options = [self._opening(following), self._opening(draw.choice(others))]
            lead = " ".join(self.text[here.start : here.end].split()[-CONTEXT:])
            if not all(options) or options[0] == options[1]:
                continue
            yield Question(
                id=f"order:{self.name}:{here.name}",
                kind="order",
                question="",
                lead=lead,
                answer=options[0],
                candidates=tuple(draw.sample(options, 2)),
                facts=(f"{self.name}:{following.start}",),
                sections=(f"{self.name}#{here.name}",),
                stop="",
            )

    def _opening(self, section: books.Section) -> str:
        """Its first words, behind the heading, whose number would give it away."""
        text = self.text[section.start : section.end].lstrip()
        if section.title not in ("all", "front"):
            text = text.partition("\n")[2]
        words = text.split()[:OPENING]
        return " ".join(words) if len(words) == OPENING else ""

    def _section(self, start: int) -> books.Section:
        return next(s for s in self.book.book.sections if s.start <= start < s.end)


def cloze_questions(shelf: Shelf, most: int) -> Iterator[Question]:
    """Up to `most` of each kind, evenly over the books from files."""
    found = [(name, book) for name, book in sorted(shelf.items()) if isinstance(book, FileBook)]
    if len(found) > BOOKS:
        found = sorted(chance("books").sample(found, BOOKS), key=lambda pair: pair[0])
    rows: dict[str, list[list[Question]]] = {kind: [] for kind in CLOZE}
    for name, book in found:  # one by one: no two are in memory at once
        reader = _Reader(name, book)
        share = ceil(SPARE * most / len(found))
        for kind, row in rows.items():
            asked = reader.order() if kind == "order" else reader.cloze(kind, share)
            row.append(list(islice(asked, share)))
    for row in rows.values():
        mixed = chain.from_iterable(zip_longest(*row))
        yield from islice((question for question in mixed if question), most)


def _kind(word: str, counts: Counter[str], behind: int) -> str:
    """What kind of question a word is good for; `behind`: how often it stands behind an article."""
    if word.isdecimal():
        return "cloze_number" if len(word) > 1 else ""
    if counts[word] < FEWEST or not word.isalpha():
        return ""
    if word.istitle() and len(word) > 2:
        return "" if counts[word.lower()] else "cloze_name"
    rare = word.islower() and len(word) >= LONG and counts[word] <= RARE
    return "cloze_word" if rare and 2 * behind >= counts[word] else ""


def _shape(word: str) -> str:
    """Digits by their number; words by their length in steps of three letters, and their plural."""
    if word.isdecimal():
        return f"{len(word)} digits"
    return f"{len(word) // 3} {word.endswith('s')}"


def _apart(words: Sequence[str]) -> list[str]:
    """Without those that begin another one before them, or are begun by it."""
    kept: list[str] = []
    for word in words:
        if not any(word.startswith(other) or other.startswith(word) for other in kept):
            kept.append(word)
    return kept
