"""What no rewritten text may hold: facts that a gap hides, closed pairs, what tests ask."""

from collections.abc import Sequence
from dataclasses import dataclass

from litho.text.school.leaks import hidden_pairs, leaks_in
from litho.text.school.plan import Plan
from litho.text.school.questions import questions

EVERY = 10**9  # questions of a kind
_TOLD = ("memorised", "paraphrase", "fluency")  # ask about facts that books tell everyone


@dataclass(frozen=True)
class Guard:
    """Knows all questions that an exam of a genome may ask, whether it draws them or not."""

    plan: Plan
    tested: frozenset[frozenset[str]]  # ids of facts that a question needs
    asked: frozenset[str]  # the questions
    apart: dict[str, frozenset[str]]  # what must not be named together in a sentence

    @classmethod
    def of(cls, plan: Plan) -> "Guard":
        apart = {one: set(others) for one, others in hidden_pairs(plan).items()}
        tested, asked = set(), set()
        for each in questions(plan, EVERY, twin=False):
            if each.kind in _TOLD:
                continue
            known = each.kind == "unknown" and len(each.facts) == 1 and _said(plan, each.facts[0])
            if not known:  # of what books do say, a question beside those that they do not answer
                tested.add(frozenset(each.facts))
            asked.add(each.question)
            if each.kind.startswith("two_hop"):
                subject = each.facts[0].partition(":")[2]
                apart.setdefault(subject, set()).add(each.answer)
        fixed = {one: frozenset(others) for one, others in apart.items()}
        return cls(plan, frozenset(tested), frozenset(asked), fixed)

    def objection(self, facts: Sequence[str], text: str) -> str | None:
        """Why a text over these facts may not be read; None if it may."""
        ids = set(facts)
        if ids & self.plan.hidden:
            return "a fact that a gap hides"
        if self._is_closed(facts):
            return "two sections that a gap keeps apart"
        if any(needed <= ids for needed in self.tested):
            return "facts of which a test asks"
        if any(question in text for question in self.asked):
            return "a question of a test"
        if self._names(text):
            return "a sentence that gives away what a gap hides or a test asks"
        return None

    def _is_closed(self, facts: Sequence[str]) -> bool:
        places = [self.plan.places.get(fact.partition(":")[0]) for fact in facts]
        known = [place for place in places if place]
        return any(
            frozenset((one, other)) in self.plan.closed
            for number, one in enumerate(known)
            for other in known[number + 1 :]
        )

    def _names(self, text: str) -> bool:
        return any(leaks_in(self.plan, text, self.apart))


def _said(plan: Plan, fact: str) -> bool:
    relation, _, subject = fact.partition(":")
    return (relation, subject) not in plan.world.unsaid
