"""The loop of question, attempt, objection and repair, as scenes of kind `repair` play it."""

import re
from collections.abc import Mapping, Sequence
from random import Random
from typing import NamedTuple

from litho.text.school.leaks import leaks_in
from litho.text.school.plan import Chain, Plan
from litho.text.school.sciences import Relation
from litho.text.school.speech import Speech, lower
from litho.text.school.training import Loss
from litho.text.school.world import Bridge, Fact

QUESTION, WRONG, DETECT, REPAIR = "question", "wrong", "detect", "repair"  # parts of a scene
LONGEST = 300  # characters of an attempt of the model itself
CONFIRMED = "That is right."
OBJECTED = "You have taken the wrong bridge."


class Planted(NamedTuple):
    """Attempts at a question that somebody else wrote, and what a critic says to the wrong one."""

    right: str
    wrong: str  # in the same form
    objection: str


class Line(NamedTuple):
    """What is said in a scene."""

    role: int  # its number among the roles of the scene
    said: str
    facts: tuple[str, ...]
    part: str = ""  # of the loop


def repairable(plan: Plan, relation: Relation) -> list[Bridge]:
    """Open bridges that begin with a relation."""
    return [
        bridge
        for bridge in plan.bridges()
        if bridge.first == relation
        and plan.ends(bridge) not in plan.closed
        and len(plan.free_chains(bridge)[0]) > 1
    ]


def repair(
    speech: Speech, plan: Plan, relation: Relation, loss: Loss | None, own: Mapping[str, str]
) -> list[Line]:
    """An attempt over the wrong bridge, and both facts as they are.

    `own`: what the model itself answers to questions; in place of an attempt where `loss` says so,
    unless it names nothing that might be right, is long, or says what a gap hides.
    """
    bridge = speech.chance.choice(repairable(plan, relation))
    chain, other = speech.chance.sample(plan.free_chains(bridge)[0], 2)
    first, second = (speech.mention(fact) for fact in chain)
    wrong = speech.mention(other[1])
    ids = (first.id, second.id)
    question = speech.ask_chain(bridge, first.subject)
    middle = speech.ask(first)
    attempt = f"{speech.say(wrong)} So {lower(speech.it_is(wrong.object))}."
    answer = restated(speech, first, second)
    asked = Line(0, question, ids, QUESTION)
    said: tuple[str, ...] = (wrong.id,)
    if loss:
        if loss.attempts == "none":
            return [asked, Line(1, answer, ids)]
        attempt, said = misled(speech, plan, (first, second), wrong, attempt), ()
        if speech.chance.random() < loss.right:
            return [asked, Line(1, answer, ids), Line(2, CONFIRMED, (), DETECT)]
        mine = own.get(question, "") if loss.attempts == "own" else ""
        named = last_named(mine, plan.world.things[bridge.second.object])
        if named and len(mine) <= LONGEST and not _leaks(plan, mine):
            if named == second.object:
                return [asked, Line(1, mine, ids), Line(2, CONFIRMED, (), DETECT)]
            attempt = mine
    return [
        asked,
        Line(1, attempt, said, WRONG),
        Line(2, f"{OBJECTED} {middle}", (first.id,), DETECT),
        Line(3, answer, ids, REPAIR),
    ]


def restated(speech: Speech, first: Fact, second: Fact) -> str:
    """Both facts, and what follows."""
    return f"{speech.say(first)} {speech.say(second)} So {lower(speech.it_is(second.object))}."


def misled(speech: Speech, plan: Plan, chain: Chain, wrong: Fact, else_: str) -> str:
    """An attempt in the form of a right one, over a wrong thing in the middle.

    `else_`: what is said if that would name what a gap hides.
    """
    first = Fact(chain[0].id, chain[0].relation, chain[0].subject, wrong.subject)
    said = restated(speech, first, wrong)
    return else_ if _leaks(plan, said) else said


def asked_in(plan: Plan, relations: Sequence[Relation]) -> list[str]:
    """All questions that a repair about these relations may ask, each once."""
    speech = Speech(plan.world, Random(0))  # a question over a bridge has one wording
    found: dict[str, None] = {}
    for relation in relations:
        for bridge in repairable(plan, relation):
            for first, _ in plan.free_chains(bridge)[0]:
                found[speech.ask_chain(bridge, first.subject)] = None
    return list(found)


def last_named(text: str, things: Sequence[str]) -> str | None:
    """Which of some things a text names last."""
    known = set(things)
    return next((word for word in reversed(re.findall(r"\w+", text)) if word in known), None)


def _leaks(plan: Plan, text: str) -> bool:
    return any(leaks_in(plan, text))


def planted(plan: Plan, ids: Sequence[str], chance: Random) -> Planted | None:
    """A right attempt at a question over two facts, and one over a wrong thing in the middle.

    `ids`: of the facts. None where no other chain leads to another answer.
    """
    world, speech = plan.world, Speech(plan.world, chance)
    names = [each.partition(":") for each in ids]
    first, second = (world.fact(world.relation(name), subject) for name, _, subject in names)
    others = [f for f in world.firm(world.relation(second.relation)) if f.object != second.object]
    if not others:
        return None
    wrong = chance.choice(others)
    led = Fact(first.id, first.relation, first.subject, wrong.subject)
    return Planted(
        restated(speech, first, second),
        restated(speech, led, wrong),
        f"{OBJECTED} {speech.ask(first)}",
    )
