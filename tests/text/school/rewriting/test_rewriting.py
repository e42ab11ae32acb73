"""What may be asked and written: nothing that a gap hides, nothing that a test asks."""

from pathlib import Path

import pytest

from litho.text.school.canonical import of_world
from litho.text.school.chance import chance
from litho.text.school.genome import Genome
from litho.text.school.loops import last_named
from litho.text.school.plan import Plan
from litho.text.school.questions import questions
from litho.text.school.rewriting.entries import (
    bridge,
    repair,
    solution,
    wrong_answer,
)
from litho.text.school.rewriting.guard import Guard
from litho.text.school.rewriting.pool import Task, tasks
from litho.text.school.speech import Speech
from litho.text.school.stages import School
from litho.text.school.world import World


@pytest.fixture(scope="module")
def plan() -> Plan:
    genome = Genome.model_validate(of_world(World(7, 4, 16, 2)))
    found = School.of(genome, Path()).plan
    assert found
    return found


@pytest.fixture(scope="module")
def pool(plan: Plan) -> list[Task]:
    return tasks(plan, 0)


@pytest.fixture(scope="module")
def guard(plan: Plan) -> Guard:
    return Guard.of(plan)


def speech(plan: Plan) -> Speech:
    return Speech(plan.world, chance(0, "test"))


def test_no_chain_that_a_test_asks_is_in_the_pool(plan: Plan, pool: list[Task]) -> None:
    asked = {frozenset(q.facts) for q in questions(plan, 10**6, False) if len(q.facts) > 1}
    ids = [frozenset(fact.id for fact in task.facts) for task in pool]
    assert ids and not asked.intersection(ids)
    assert not any(fact.id in plan.hidden for task in pool for fact in task.facts)
    assert {len(task.facts) for task in pool} == {1, 2}
    assert [task.id for task in tasks(plan, 0)] == [task.id for task in pool]


def test_the_guard_lets_solutions_pass_and_no_question_of_a_test(
    plan: Plan, pool: list[Task], guard: Guard
) -> None:
    passed = [
        guard.objection([fact.id for fact in task.facts], solution(speech(plan), task)) is None
        for task in pool
    ]
    assert sum(passed) / len(passed) > 0.9
    told = ("memorised", "paraphrase", "fluency", "unknown")
    for question in questions(plan, 10**6, False):
        if question.kind in told:
            continue
        said = f"{question.context} {question.answer}."
        assert guard.objection(question.facts, said), question.id


def test_the_guard_reads_what_a_text_says_whatever_it_claims_to_be_about(
    plan: Plan, guard: Guard
) -> None:
    hidden = next(
        fact for r in plan.world.relations() for fact in plan.world.facts(r)
        if fact.id in plan.hidden
    )  # fmt: skip
    leak = speech(plan).say(hidden)
    assert guard.objection((), leak) == (
        "a sentence that gives away what a gap hides or a test asks"
    )
    assert guard.objection((hidden.id,), "Nothing.") == "a fact that a gap hides"
    one, other = (
        next(name for name, place in plan.places.items() if place == each)
        for each in sorted(min(plan.closed, key=sorted))
    )
    assert guard.objection((f"{one}:x", f"{other}:y"), "") == (
        "two sections that a gap keeps apart"
    )


def test_a_repair_holds_the_attempt_and_ends_with_the_answer(plan: Plan, pool: list[Task]) -> None:
    for task in pool[:20]:
        wrong = wrong_answer(speech(plan), task)
        assert last_named(wrong, task.things) not in (None, task.answer)
        text = repair(speech(plan), task, wrong)
        assert task.question in text and wrong in text
        assert last_named(text, task.things) == task.answer
        assert last_named(solution(speech(plan), task), task.things) == task.answer
    assert "I do not know." in repair(speech(plan), pool[0], "")
    assert last_named("Nothing that is known.", pool[0].things) is None


def test_a_bridge_says_a_hard_fact_beside_one_of_another_section(
    plan: Plan, pool: list[Task], guard: Guard
) -> None:
    first = next(task for task in pool if task.bridge).facts[0]
    found = bridge(speech(plan), plan, first)
    assert found
    text, chain = found
    assert first in chain and chain[0].object == chain[1].subject
    assert all(fact.subject in text and fact.object in text for fact in chain)
    assert guard.objection([fact.id for fact in chain], text) is None
    hidden = next(
        fact for r in plan.world.relations() for fact in plan.world.facts(r)
        if fact.id in plan.hidden
    )  # fmt: skip
    assert bridge(speech(plan), plan, hidden) is None
