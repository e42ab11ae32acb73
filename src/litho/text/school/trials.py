"""Trials of a world: a question alone, with what answers it, and with what is like that.

The third is the matched control: as long and in the same words, but about other things.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from random import Random

from litho.text.school.chance import chance
from litho.text.school.filler import filler
from litho.text.school.plan import Plan
from litho.text.school.questions import CANDIDATES, Question
from litho.text.school.sciences import Relation
from litho.text.school.speech import TRUST, Speech, lower
from litho.text.school.stages import School
from litho.text.school.world import Fact

BETWEEN = (0, 1, 2, 4, 8)  # sentences of filler between a statement and its question
STATED, PAGES, CHAINS, CONFLICTS = 24, 48, 8, 32  # trials: of a distance, of a pair of sections
LAYER = "university"  # in whose voice pages are read


@dataclass(frozen=True)
class Trial:
    """What is read before a question, three times, and between which answers is chosen."""

    group: str
    unit: str  # what is resampled
    alone: str
    helped: str
    other: str
    answers: tuple[str, ...]
    right: int
    between: str = ""  # the filler

    @property
    def contexts(self) -> tuple[str, str, str]:
        return self.alone, self.helped, self.other


@dataclass(frozen=True)
class Conflict:
    """Two surveys that contradict each other, and two changes of a word.

    Once the word is that of the later survey, by which the answer should change; once that of the
    first, by which it should not.
    """

    said: str
    later_changed: str
    first_changed: str
    answers: tuple[str, str]  # as it is said, and with the later word changed


def retention(plan: Plan) -> Iterator[Trial]:
    """An invented fact is stated, then comes filler, then it is asked for.

    Control: the same is stated of another thing.
    """
    for count in BETWEEN:
        draw = chance(plan.world.seed, "retention", count)
        known = [(r, fact) for r in _relations(plan) for fact in plan.world.firm(r)]
        for relation, fact in draw.sample(known, min(STATED, len(known))):
            speech = Speech(plan.world, draw)
            things = [t for t in plan.world.things[relation.object] if t != fact.subject]
            some = draw.sample(things, min(CANDIDATES, len(things)))
            stated = draw.choice([each for each in some if each != fact.object])
            told = replace(fact, object=stated)
            subjects = plan.world.things[relation.subject]
            others = [each for each in subjects if each not in (fact.subject, stated)]
            wording, asked = draw.sample([w for w in relation.say if w.endswith(" {y}.")], 2)
            lead = speech.worded(told, asked).removesuffix(f"{stated}.").strip()
            between = " ".join(filler(draw) for _ in range(count))
            other = replace(told, subject=draw.choice(others))
            yield Trial(
                str(count),
                fact.id,
                _joined(between, lead),
                _joined(speech.worded(told, wording), between, lead),
                _joined(speech.worded(other, wording), between, lead),
                tuple(f"{each}." for each in some),
                some.index(stated),
                between,
            )


def resonance(school: School, plan: Plan, asked: Sequence[Question]) -> Iterator[Trial]:
    """A fact, asked in words of the books, behind the page that says it.

    Control: the page of the same section that is nearest in length and does not name the thing.
    """
    draw = chance(plan.world.seed, "resonance")
    memorised = [q for q in asked if q.kind == "memorised" and q.sections]
    pages: dict[str, list[tuple[str, frozenset[str]]]] = {}
    for question in draw.sample(memorised, min(PAGES, len(memorised))):
        (section,), (identity,) = question.sections, question.facts
        if section not in pages:
            pages[section] = list(_pages(school, section))
        subject = identity.partition(":")[2]
        right = [text for text, facts in pages[section] if identity in facts]
        wrong = [text for text, _ in pages[section] if subject not in text]
        if right and wrong:
            page = draw.choice(right)
            other = min(wrong, key=lambda text: abs(len(text) - len(page)))
            yield Trial(
                "page",
                question.id,
                question.context,
                f"{page}\n\n{question.context}",
                f"{other}\n\n{question.context}",
                question.closed,
                question.candidates.index(question.answer),
            )


def tension(plan: Plan, asked: Sequence[Question]) -> Iterator[Trial]:
    """A question over two books, with both facts said again before the answer.

    Control: both facts of another question over the same two relations.
    """
    facts = {f.id: f for r in _relations(plan) for f in plan.world.firm(r)}
    groups: dict[tuple[str, ...], list[Question]] = {}
    for question in asked:
        if question.kind.startswith("two_hop") and len(question.sections) == 2:
            groups.setdefault(question.sections, []).append(question)
    for sections, some in sorted(groups.items()):
        draw = chance(plan.world.seed, "tension", *sections)
        speech = Speech(plan.world, draw)
        for question in draw.sample(some, min(CHAINS, len(some))):
            own = set(question.facts) | {question.answer}
            others = [q for q in some if not own & {*q.facts, q.answer}]
            if not others:
                continue
            both, foreign = (
                " ".join(speech.say(facts[each]) for each in q.facts)
                for q in (question, draw.choice(others))
            )
            so = f"So {lower(question.lead)}"
            yield Trial(
                " → ".join(sections),
                question.id,
                question.context,
                f"{question.question} {both} {so}",
                f"{question.question} {foreign} {so}",
                question.closed,
                question.candidates.index(question.answer),
            )


def conflicts(plan: Plan) -> Iterator[Conflict]:
    """Reports that no scene resolves, with both surveys in the text."""
    draw = chance(plan.world.seed, "flow")
    known = [
        (relation, fact)
        for relation in _relations(plan)
        for fact in plan.reports(relation)[1]
        if plan.world.disputed(fact)
    ]
    for relation, fact in draw.sample(known, min(CONFLICTS, len(known))):
        later = plan.world.later[fact.relation, fact.subject]
        free = [
            thing
            for thing in plan.world.things[relation.object]
            if thing not in (later, fact.object, fact.subject)
        ]
        if len(free) < 2:
            continue
        first_word, later_word = draw.sample(free, 2)
        seed = draw.getrandbits(32)
        said, later_changed, first_changed = (
            _reported(plan, fact, *words, Random(seed))
            for words in ((fact.object, later), (fact.object, later_word), (first_word, later))
        )
        answers = (f"{later}.", f"{later_word}.")
        yield Conflict(said, later_changed, first_changed, answers)


def _reported(plan: Plan, fact: Fact, first: str, later: str, draw: Random) -> str:
    """Both surveys, the rule of trust and the question."""
    speech = Speech(plan.world, draw)
    one, other = (lower(speech.say(replace(fact, object=thing))) for thing in (first, later))
    asked, trust = lower(speech.ask(fact)), draw.choice(TRUST)
    lead = f"It is {plan.world.named(later)[1]}".strip()
    return (
        f"The first survey says that {one}. The later survey says that {other}. {trust} "
        f"By the rule of trust, {asked} {lead}"
    )


def _relations(plan: Plan) -> list[Relation]:
    return [plan.world.relation(name) for name in plan.places]


def _pages(school: School, section: str) -> Iterator[tuple[str, frozenset[str]]]:
    """Pages of a section, with the ids of the facts that each tells."""
    book, _, name = section.partition("#")
    draw = chance(school.genome.seed, "pages", section)
    for page in school.shelf[book].read(name, LAYER, draw):
        told = frozenset(identity for piece in page for identity in piece.facts)
        yield "".join(piece.text for piece in page), told


def _joined(*parts: str) -> str:
    return " ".join(filter(None, parts))
