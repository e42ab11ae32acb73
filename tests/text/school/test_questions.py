"""Questions have one right answer, found again by looking through all facts of the world."""

from collections import Counter
from pathlib import Path

import pytest

from litho.text.school.canonical import of_world, written
from litho.text.school.genome import parse_genome
from litho.text.school.plan import Plan
from litho.text.school.questions import KINDS, Question, questions
from litho.text.school.shelf import open_shelf
from litho.text.school.speech import NOBODY_KNOWS, number
from litho.text.school.world import World

HERE = Path(__file__).parent
WORLD = World(17, entity_count=24)
TWIN = World(17, entity_count=24, twin="counterfactual")


def plan_of(world: World) -> Plan:
    genome = parse_genome(written(of_world(world)), "school.yaml", HERE)
    plan = Plan.of(genome, open_shelf(genome, HERE))
    assert plan
    return plan


PLAN = plan_of(WORLD)
EVERY = list(questions(PLAN, 10_000, twin=True))


def of_kind(*kinds: str) -> list[Question]:
    return [question for question in EVERY if question.kind in kinds]


def right(question: Question, world: World) -> list[str]:
    """The candidates that are right, by going through everything that holds in a world."""
    named = [identity.split(":") for identity in question.facts]
    match question.kind:
        case "memorised" | "paraphrase" | "fluency":
            true = {o for s, o in world.objects[named[0][0]].items() if s == named[0][1]}
        case "unknown":
            relation, subject = named[0]
            told = (relation, subject) not in world.unsaid
            true = {f"It is {world.named(o)[1]}{o}." for o in [world.objects[relation][subject]]}
            true = true if told else {NOBODY_KNOWS}
        case "contradiction":
            true = {world.later[named[0][0], named[0][1]]}
        case "transfer":
            mineral = named[0][1]
            alike = {
                m
                for m, h in world.objects["colour"].items()
                if h == world.objects["colour"][mineral]
            }
            true = {world.calendar[world.objects["colour"][other]] for other in alike}
        case "rule" if named[0][0] == "rule":
            true = {world.season_of(named[0][1])}
        case "rule" if named[0][0] == "order":
            softer = {c: world.hardness[world.hardness.index(c) + 1 :] for c in question.candidates}
            true = {
                c for c in question.candidates if set(question.candidates) - {c} <= set(softer[c])
            }
        case "rule":
            true = {number(world.weights[named[0][1]] * world.units[2])}
        case _:
            (first, subject), (second, _) = named
            true = {
                end
                for between, end in world.objects[second].items()
                if world.objects[first][subject] == between
            }
    return [candidate for candidate in question.candidates if candidate in true]


def test_each_question_has_one_right_answer_and_another_in_the_twin() -> None:
    assert {question.kind for question in EVERY} == set(KINDS)
    assert len({question.id for question in EVERY}) == len(EVERY)
    for question in EVERY:
        assert len(set(question.candidates)) == len(question.candidates)
        assert 8 <= len(question.candidates) <= 20
        assert right(question, WORLD) == [question.answer], question
        if question.kind == "fluency":
            assert question.twin is None
        else:
            assert right(question, TWIN) == [question.twin], question
            same = question.answer == question.twin
            assert same is (question.answer == NOBODY_KNOWS)


def test_no_place_among_the_candidates_and_no_candidate_is_favoured() -> None:
    for kinds in (("memorised", "paraphrase"), ("two_hop_L2", "two_hop_L3"), ("rule",)):
        some = of_kind(*kinds)
        places = Counter(question.candidates.index(question.answer) for question in some)
        expected = sum(1 / len(question.candidates) for question in some)
        assert places[0] == pytest.approx(expected, abs=4 * expected**0.5)
    # A thing is right as often as its share of being offered.
    asked = [q for q in of_kind("memorised") if q.facts[0].startswith("colour")]
    offered = Counter(c for question in asked for c in question.candidates)
    answers = Counter(question.answer for question in asked)
    assert max(answers.values()) <= 3 and min(offered.values()) > 0


def test_levels_are_what_they_say() -> None:
    closed = PLAN.closed
    practised = {chain for bridge in PLAN.bridges() for chain in PLAN.free_chains(bridge)[0]}
    ids = {tuple(fact.id for fact in chain) for chain in practised}
    for question in of_kind("two_hop_L1", "two_hop_book"):
        assert question.facts not in ids and frozenset(question.sections) not in closed
        assert not set(question.facts) & PLAN.hidden
    for question in of_kind("two_hop_L2"):
        assert frozenset(question.sections) in closed and not set(question.facts) & PLAN.hidden
    for question in of_kind("two_hop_L3"):
        assert set(question.facts) <= PLAN.hidden
    for question in of_kind("paraphrase", "memorised"):
        assert question.lead and not question.question
        assert (question.lead.split()[-1] == "the") is (WORLD.named(question.answer)[1] != "")


def test_things_that_the_surveys_dispute_are_asked_of_as_disputed_alone() -> None:
    wrong = {f"{r}:{s}" for (r, s), o in WORLD.later.items() if o != WORLD.objects[r][s]}
    asked = {f for question in EVERY if question.kind != "contradiction" for f in question.facts}
    assert wrong and not wrong & asked
    resolved = {f.id for r in WORLD.relations() for f in PLAN.reports(r)[0]}
    asked = {question.facts[0] for question in of_kind("contradiction")}
    assert not resolved & asked and resolved & wrong and asked & wrong


def test_what_the_library_leaves_out_is_not_asked() -> None:
    left_out = {"rules", "hardness", "weights", "calendar", "surveys"}
    given = parse_genome(written(of_world(WORLD)), "school.yaml", HERE)
    kept = {
        name: book.model_copy(
            update={"sections": tuple(s for s in open_shelf(given, HERE)[name].sections
                                      if s not in left_out)}
        )
        for name, book in given.library.items()
    }  # fmt: skip
    genome = given.model_copy(update={"library": kept})
    plan = Plan.of(genome, open_shelf(genome, HERE))
    assert plan
    asked = Counter(question.kind for question in questions(plan, 10_000, twin=True))
    whole = Counter(question.kind for question in EVERY)
    assert whole.keys() - asked.keys() == {"rule", "contradiction", "transfer"}
    assert all(asked[kind] == whole[kind] for kind in asked)


def test_what_the_type_alone_decides_is_fluency() -> None:
    for question in of_kind("fluency"):
        kinds = Counter(WORLD.type_of[candidate] for candidate in question.candidates)
        assert kinds[WORLD.type_of[question.answer]] == 1


def test_no_more_than_asked_for_and_the_same_each_time() -> None:
    few = list(questions(PLAN, 5, twin=False))
    assert max(Counter(question.kind for question in few).values()) == 5
    assert few == list(questions(PLAN, 5, twin=False))
    assert all(question.twin is None for question in few)
