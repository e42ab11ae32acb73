"""Rewritten texts: a repair of the model's own attempt, a solution, a bridge paragraph."""

from typing import Literal

from litho.core.records import Record
from litho.text.school.plan import Plan
from litho.text.school.rewriting.pool import Task
from litho.text.school.scenes import solved
from litho.text.school.speech import Speech, lower
from litho.text.school.world import Fact

NOTHING_SAID = "I do not know."
Kind = Literal["repair", "solution", "own", "bridge"]


class Entry(Record):
    """A rewritten text, and where it comes from."""

    id: str
    kind: Kind
    about: str  # id of the question that it helps to answer
    text: str
    facts: tuple[str, ...]  # ids of all that it says, asks or tries
    sections: tuple[str, ...]  # BOOK#SECTION that tell them
    attempt: str | None  # what the model wrote
    round: int  # in which it was written
    answer: int | None  # line of the answer in `answers.jsonl` of that round, from 0
    span: str | None = None  # of a bridge, the hard span that it was written for


def repair(speech: Speech, task: Task, attempt: str, better: str | None = None) -> str:
    """Question, attempt, objection, and both facts in the words of the books.

    `better`: an answer that takes their place.
    """
    right = better or " ".join(p.text for p in solved(speech, task.item, "restated")[1:])
    first = speech.ask(task.facts[0]) if task.bridge else "Read it again."
    lines = (
        f"Teacher. {task.question}",
        f"Student. {attempt or NOTHING_SAID}",
        f"Critic. That does not follow. {first}",
        f"Reformulator. {right}",
    )
    return "\n\n".join(lines)


def solution(speech: Speech, task: Task) -> str:
    """The question, and its answer with the premises restated."""
    return " ".join([task.question, *(p.text for p in solved(speech, task.item, "restated")[1:])])


def wrong_answer(speech: Speech, task: Task) -> str:
    """A planted error: an answer that looks like a right one and names another thing."""
    *before, last = task.facts
    other = speech.chance.choice([thing for thing in task.things if thing != task.answer])
    said = [speech.say(fact) for fact in before]
    said.append(speech.say(Fact(last.id, last.relation, last.subject, other)))
    return " ".join([*said, f"So {lower(speech.it_is(other))}."])


def bridge(speech: Speech, plan: Plan, fact: Fact) -> tuple[str, tuple[Fact, ...]] | None:
    """A paragraph that leads from one book to a hard sentence, or from it to another book.

    It says the fact in other words beside one of an open bridge. None where nothing leads there.
    """
    chains = [
        chain
        for each in plan.bridges()
        if plan.ends(each) not in plan.closed
        and fact.relation in (each.first.name, each.second.name)
        for chain in plan.free_chains(each)[0]
        if fact in chain
    ]
    if not chains:
        return None
    first, second = speech.chance.choice(chains)
    places = [plan.places[each.relation].partition("#") for each in (first, second)]
    said = [
        f"In the book of {book}, under {section}, we read that {lower(speech.say(each))}."
        for (book, _, section), each in zip(places, (first, second), strict=True)
    ]
    return " ".join(said), (first, second)
