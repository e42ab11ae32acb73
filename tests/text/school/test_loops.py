"""Scenes of repair: which part is which, and where the attempts come from."""

from pathlib import Path
from random import Random

import pytest

from litho.core.errors import LithoError
from litho.text.school.canonical import of_world, written
from litho.text.school.documents import Piece
from litho.text.school.genome import parse_genome
from litho.text.school.leaks import leaks_in
from litho.text.school.loops import CONFIRMED, OBJECTED, asked_in, last_named, planted
from litho.text.school.questions import practised_questions, questions
from litho.text.school.scenes import relations_of, speakers_of
from litho.text.school.stages import School
from litho.text.school.world import World

WORLD = World(3, 2, 12)
FOLDER = Path()
TURNS = 40


def school(**changes: object) -> School:
    genome = parse_genome(written({**of_world(WORLD, 20_000), **changes}), "test", FOLDER)
    return School.of(genome, FOLDER)


def scenes(of: School, kind: str = "repair") -> list[tuple[Piece, ...]]:
    stage = of.genome.stages[-1]
    scene = next(each for each in of.genome.scenes if each.kind == kind)
    return [of.scene(stage, scene, turn).pieces for turn in range(TURNS)]


def texts(of: School) -> list[str]:
    return ["".join(piece.text for piece in pieces) for pieces in scenes(of)]


def parts(pieces: tuple[Piece, ...]) -> list[str]:
    return [piece.part for piece in pieces]


@pytest.mark.parametrize("kind", ["repair", "conflict", "mismatch"])
def test_who_speaks_says_which_part_it_is(kind: str) -> None:
    meant = {
        "teacher": "question", "student": "wrong", "critic": "detect", "reformulator": "repair",
    }  # fmt: skip
    for pieces in scenes(school(), kind):
        assert parts(pieces) == [meant[piece.role] for piece in pieces]
    assert not any(any(parts(pieces)) for pieces in scenes(school(), "unknown"))


def test_weights_alone_change_no_text() -> None:
    plain = school()
    weights = {"attempts": "random", "right": 0.0}
    once, again = (school(loss=weights | {"repair": w}) for w in (1.0, 5.0))
    assert texts(once) == texts(again)
    stage = plain.genome.stages[1]
    for book in ("minerals#colours", "plants#soils"):
        name, _, section = book.partition("#")
        one, other = (list(s.reading(stage, name, section, 0)) for s in (plain, once))
        assert one == other


def test_right_attempts_are_confirmed_and_wrong_ones_are_not() -> None:
    of = school(loss={"right": 0.5})
    plan = of.plan
    assert plan
    confirmed = 0
    for pieces in scenes(of):
        said = [piece.text for piece in pieces]
        first, judged = said[1], said[2]
        if CONFIRMED in judged:
            confirmed += 1
            assert parts(pieces) == ["question", "", "detect"]
            continue
        assert OBJECTED in judged and parts(pieces)[1:] == ["wrong", "detect", "repair"]
        names = [w for things in plan.world.things.values() for w in things]
        assert last_named(first, names) != last_named(said[3], names)
    assert 0.2 * TURNS < confirmed < 0.8 * TURNS


def test_without_attempts_only_right_answers_are_read() -> None:
    for pieces in scenes(school(loss={"attempts": "none"})):
        assert parts(pieces) == ["question", ""] and pieces[1].role == "student"


def test_own_attempts_are_judged_by_the_world() -> None:
    of = school(loss={"attempts": "own", "right": 0.0})
    plan = of.plan
    assert plan
    scene = next(each for each in of.genome.scenes if each.kind == "repair")
    asked = asked_in(plan, relations_of(scene, of.shelf))
    hues = plan.world.things["hue"]
    own = dict.fromkeys(asked, f"I think it is {hues[0]}.")
    mine = School(of.genome, of.shelf, plan, own)
    seen = set[bool]()
    for pieces in scenes(mine):
        question, first, judged = (piece.text for piece in pieces[:3])
        if "hue" not in question:
            continue
        assert own[question.removeprefix("Teacher. ")] in first
        right = CONFIRMED in judged
        seen.add(right)
        if not right:
            assert last_named(pieces[3].text, hues) != hues[0]
    assert seen == {True, False} or seen == {False}
    # What names nothing, is long or says what a gap hides is not taken over.
    for bad in ("No.", f"{'Well, ' * 99}it is {hues[0]}."):
        other = School(of.genome, of.shelf, plan, dict.fromkeys(asked, bad))
        assert texts(other) == texts(of)
    hidden = next(
        fact for r in plan.world.relations() for fact in plan.world.facts(r)
        if fact.id in plan.hidden
    )  # fmt: skip
    leak = f"{hidden.subject} has {hidden.object}, so it is {hues[0]}."
    assert any(leaks_in(plan, leak))
    assert texts(School(of.genome, of.shelf, plan, dict.fromkeys(asked, leak))) == texts(of)


def test_planted_attempts_have_one_form() -> None:
    plan = school().plan
    assert plan
    bridged = [q for q in questions(plan, 20, False) if q.kind.startswith("two_hop")]
    assert bridged
    for question in bridged:
        found = planted(plan, question.facts, Random(0))
        assert found and found.objection.startswith(OBJECTED)
        right, wrong = found.right, found.wrong
        things = plan.world.things[plan.world.type_of[question.answer]]
        assert last_named(right, things) == question.answer != last_named(wrong, things)
        assert right.count(".") == wrong.count(".") == 3


def test_what_does_not_fit_is_refused_with_its_line() -> None:
    for changes, said in (
        ({"roles": {"adapters": {"rebel": {}}}}, "nobody called 'rebel' speaks"),
        ({"roles": {"adapters": {"critic": {"from": "nowhere"}}}}, "there is no stage 'nowhere'"),
        ({"roles": {"adapters": {}}}, "roles"),
        ({"loss": {"default": 0}}, "loss.default"),
        ({"loss": {"wrong": -1}}, "loss.wrong"),
        ({"loss": {"other": 1}}, "unknown key"),
    ):
        with pytest.raises(LithoError, match=said):
            school(**changes)
    assert speakers_of(school().genome) == ["teacher", "student", "critic", "reformulator"]


def test_practised_questions_are_none_of_an_exam() -> None:
    plan = school().plan
    assert plan
    asked = practised_questions(plan)
    exam = {question.facts for question in questions(plan, 100, False)}
    assert asked and not exam & {question.facts for question in asked}
    assert not any(fact in plan.hidden for question in asked for fact in question.facts)
