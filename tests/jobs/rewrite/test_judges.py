"""Judges, and what becomes of entries: small cases by hand."""

import pytest

from litho.jobs.rewrite.judges import Answered, agreed, is_right, judge_of, judged
from litho.jobs.rewrite.writing import rewritten
from litho.jobs.school.finished import FinishedSchool
from litho.text.school.loops import last_named
from litho.text.school.plan import Plan
from litho.text.school.rewriting.entries import Entry
from litho.text.school.rewriting.guard import Guard
from litho.text.school.rewriting.pool import Task, tasks


@pytest.fixture(scope="module")
def plan(tiny_school: FinishedSchool) -> Plan:
    found = tiny_school.school.plan
    assert found
    return found


@pytest.fixture(scope="module")
def guard(plan: Plan) -> Guard:
    return Guard.of(plan)


@pytest.fixture(scope="module")
def pool(plan: Plan, guard: Guard) -> dict[str, Task]:
    ids = [(task, [fact.id for fact in task.facts]) for task in tasks(plan, 0)]
    return {task.id: task for task, facts in ids if not guard.objection(facts, task.question)}


def answered(task: Task, thing: str | None, *samples: str, accepted: bool | None) -> Answered:
    written = f"So it is {thing}." if thing else ""
    return Answered(
        task=task.id,
        question=task.question,
        facts=tuple(fact.id for fact in task.facts),
        expected=task.answer,
        written=written,
        named=last_named(written, task.things),
        samples=tuple(f"It is {each}." for each in samples),
        right=is_right(task, written),
        accepted=accepted,
    )


def other(task: Task) -> str:
    return next(thing for thing in task.things if thing != task.answer)


def test_the_exact_judge_and_agreement(pool: dict[str, Task]) -> None:
    task = next(iter(pool.values()))
    right, wrong = f"It is {task.answer}.", f"It is {other(task)}."
    assert judge_of("exact", 3)(task, right, ()) is True
    assert judge_of("exact", 3)(task, wrong, ()) is False
    judge = judge_of("agreement", 3)
    assert judge(task, wrong, [wrong] * 3 + [right]) is True  # sure, and wrong
    assert judge(task, right, [wrong] * 3 + [right]) is False
    assert judge(task, right, [wrong, wrong, right, right]) is None
    assert agreed(task, ["Nothing."] * 4, 3) is None


def test_how_far_a_judge_is_to_be_trusted(pool: dict[str, Task]) -> None:
    task = next(iter(pool.values()))
    said = [
        answered(task, task.answer, accepted=True),
        answered(task, task.answer, accepted=None),
        answered(task, other(task), accepted=True),
        answered(task, None, accepted=False),
    ]
    found = judged(said, [True, False, None, False])
    assert (found.planted, found.accepted_errors) == (4, 0.25)
    assert (found.wrong_accepted, found.right_refused) == (0.5, 0.5)
    assert judged([], []).accepted_errors is None


def test_failures_are_repaired_and_what_is_understood_is_dropped(
    plan: Plan, pool: dict[str, Task], guard: Guard
) -> None:
    one, two, three = list(pool.values())[:3]

    def round(number: int, before: tuple[Entry, ...], *said: Answered) -> tuple[Entry, ...]:
        found = rewritten("accumulate", number, before, pool, said, [], plan, guard, 3)
        assert not found.refused
        return found.entries

    first = round(
        1, (), *(answered(task, other(task), accepted=False) for task in (one, two)),
        answered(three, three.answer, accepted=True),
    )  # fmt: skip
    assert [entry.about for entry in first] == [one.id, two.id]
    assert all(entry.kind == "repair" and (entry.attempt or "") in entry.text for entry in first)
    said = (answered(one, one.answer, accepted=True), answered(two, None, accepted=False))
    found = rewritten("accumulate", 2, first, pool, said, [], plan, guard, 3)
    assert found.dropped == (first[0].id,) and found.added == (f"2:{two.id}",)
    assert [entry.round for entry in found.entries] == [2]  # from the latest attempt
    unasked = rewritten("accumulate", 2, first, pool, (), [], plan, guard, 3)
    assert unasked.entries == first
    replaced = rewritten("replace", 2, first, pool, said, [], plan, guard, 3)
    assert [entry.about for entry in replaced.entries] == [two.id]
    assert replaced.dropped == tuple(entry.id for entry in first)


def test_agreement_opens_no_book(plan: Plan, pool: dict[str, Task], guard: Guard) -> None:
    task, torn = list(pool.values())[:2]
    wrong = other(task)
    said = (
        answered(task, wrong, *[wrong] * 4, accepted=True),
        answered(torn, torn.answer, torn.answer, other(torn), accepted=None),
    )
    found = rewritten("agreement", 1, (), pool, said, [], plan, guard, 3)
    (entry,) = found.entries
    assert (entry.kind, entry.text) == ("own", f"{task.question} So it is {wrong}.")
    dissent = (answered(task, task.answer, *[wrong] * 3, accepted=False),)
    (entry,) = rewritten("agreement", 1, (), pool, dissent, [], plan, guard, 3).entries
    assert entry.kind == "repair" and last_named(entry.text, task.things) == wrong


def test_an_attempt_that_gives_a_secret_away_is_refused(
    plan: Plan, pool: dict[str, Task], guard: Guard
) -> None:
    subject, ends = next(iter(guard.apart.items()))
    task = next(iter(pool.values()))
    said = answered(task, other(task), accepted=False)
    leaking = said.model_copy(update={"written": f"The {subject} is {min(ends)}."})
    found = rewritten("accumulate", 1, (), pool, (leaking,), [], plan, guard, 3)
    assert found.entries == () and sum(found.refused.values()) == 1
