"""Ways to answer questions over two facts without connecting them: what an exam has to be above."""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from litho.text.school.genome import Stage, read_of
from litho.text.school.plan import practised
from litho.text.school.questions import Question
from litho.text.school.sciences import Relation
from litho.text.school.stages import School
from litho.text.school.world import World

_WORD = re.compile(r"\w+")
Guess = tuple[float, ...]  # a score of each candidate; the highest is answered, ties are guesses


def guesses(school: School, tests: Sequence[Question]) -> dict[str, list[Guess | None]]:
    """What each shortcut answers to each question; None to questions that are over no bridge."""
    plan = school.plan
    if plan is None:
        return {}
    reader = _Reader(school, plan.world)
    names = {relation.name for relation in plan.world.relations()}

    def of(test: Question) -> tuple[str, Relation, Relation] | None:
        ends = [fact.partition(":") for fact in test.facts]
        if len(ends) != 2 or not {first for first, _, _ in ends} <= names:
            return None
        known = ends[0][2] in plan.world.objects[ends[0][0]]
        if not test.kind.startswith("two_hop") or not known:
            return None
        return ends[0][2], plan.world.relation(ends[0][0]), plan.world.relation(ends[1][0])

    asked = [of(test) for test in tests]
    return {
        name: [
            tuple(score(*about, candidate) for candidate in test.candidates) if about else None
            for test, about in zip(tests, asked, strict=True)
        ]
        for name, score in reader.shortcuts.items()
    }


@dataclass
class _Reader:
    """Someone who has read one pass of every stage, and connects nothing."""

    school: School
    world: World

    @property
    def shortcuts(self) -> dict[str, Callable[[str, Relation, Relation, str], float]]:
        return {
            "answer_prior": self.answer_prior,
            "type_prior": self.type_prior,
            "co_occurrence": self.co_occurrence,
            "first_hop": self.first_hop,
            "second_hop": self.second_hop,
        }

    def answer_prior(self, subject: str, first: Relation, second: Relation, found: str) -> float:
        """How often practice over the second relation ends with it."""
        return self._practised[second.name, found]

    def type_prior(self, subject: str, first: Relation, second: Relation, found: str) -> float:
        """How often the texts name it."""
        return self._named[found]

    def co_occurrence(self, subject: str, first: Relation, second: Relation, found: str) -> float:
        """How many pages name both it and what the question is about."""
        return len(self._pages.get(subject, set()) & self._pages.get(found, set()))

    def first_hop(self, subject: str, first: Relation, second: Relation, found: str) -> float:
        """Whether it is what the first relation leads to."""
        return float(self.world.objects[first.name][subject] == found)

    def second_hop(self, subject: str, first: Relation, second: Relation, found: str) -> float:
        """Whether the second relation leads to it from the thing that the question names.

        Of a thing that has no such relation: from how many things it leads there.
        """
        own = self.world.objects[second.name].get(subject)
        return float(own == found) if own else self._led_to[second.name, found]

    @cached_property
    def _practised(self) -> Counter[tuple[str, str]]:
        plan, found = self.school.plan, Counter[tuple[str, str]]()
        for stage in self.school.genome.stages if plan else ():
            for item in practised(plan, stage, self.school.shelf) if plan else ():
                if item.bridge:
                    found[item.bridge.second.name, item.facts[-1].object] += 1
        return found

    @cached_property
    def _led_to(self) -> Counter[tuple[str, str]]:
        return Counter(
            (relation.name, fact.object)
            for relation in self.world.relations()
            for fact in self.world.facts(relation)
        )

    @cached_property
    def _named(self) -> Counter[str]:
        return Counter(name for names in self._texts for name in names)

    @cached_property
    def _pages(self) -> dict[str, set[int]]:
        found: dict[str, set[int]] = {}
        for number, names in enumerate(self._texts):
            for name in set(names):
                found.setdefault(name, set()).add(number)
        return found

    @cached_property
    def _texts(self) -> list[list[str]]:
        """The names on each page."""
        return [
            [word for word in _WORD.findall(text) if word in self.world.type_of]
            for stage in self.school.genome.stages
            for text in self._pass(stage)
        ]

    def _pass(self, stage: Stage) -> Iterator[str]:
        """The pages of one pass, and what is practised in it."""
        school, turns = self.school, Counter[tuple[str, str]]()
        for written in stage.books:
            read = read_of(written)
            for _ in range(read.times):
                for section in school.shelf.sections_of(read):
                    turn = turns[read.book, section]
                    turns[read.book, section] += 1
                    for page in school.reading(stage, read.book, section, turn):
                        yield page.text
        items = practised(school.plan, stage, school.shelf) if school.plan else []
        for document in school.practice(stage, items, 0):
            yield document.text
