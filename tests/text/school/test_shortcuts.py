"""Shortcuts against what the texts of a small world say, gone through slowly."""

import re
from collections import Counter
from itertools import islice
from pathlib import Path

from litho.text.school.canonical import of_world, written
from litho.text.school.genome import parse_genome
from litho.text.school.questions import Question, questions
from litho.text.school.shortcuts import guesses
from litho.text.school.stages import School
from litho.text.school.world import World

HERE = Path(__file__).parent
WORLD = World(17, entity_count=24)
SCHOOL = School.of(parse_genome(written(of_world(WORLD)), "school.yaml", HERE), HERE)
assert SCHOOL.plan
TESTS = list(questions(SCHOOL.plan, 10_000, twin=False))
GUESSES = guesses(SCHOOL, TESTS)
BRIDGED = [i for i, test in enumerate(TESTS) if test.kind.startswith("two_hop")]


def ends(test: Question) -> tuple[str, str, str]:
    """What a question is about, and both relations."""
    (first, subject), (second, _) = (fact.split(":") for fact in test.facts)
    return subject, first, second


def test_shortcuts_answer_questions_over_bridges_alone() -> None:
    assert set(GUESSES) == {
        "answer_prior", "type_prior", "co_occurrence", "first_hop", "second_hop",
    }  # fmt: skip
    for guess in GUESSES.values():
        assert [i for i, scores in enumerate(guess) if scores] == BRIDGED


def test_halves_of_a_question() -> None:
    stopped = 0
    for i in BRIDGED:
        subject, first, second = ends(TESTS[i])
        between = WORLD.objects[first][subject]
        scores = GUESSES["first_hop"][i] or ()
        assert scores == tuple(float(c == between) for c in TESTS[i].candidates)
        stopped += sum(scores) > 0
        assert WORLD.objects[second][between] == TESTS[i].answer != between
        scores = GUESSES["second_hop"][i] or ()
        if subject in WORLD.objects[second]:
            lazy = WORLD.objects[second][subject]
            assert scores == tuple(float(c == lazy) for c in TESTS[i].candidates)
        else:
            told = Counter(f.object for f in WORLD.facts(WORLD.relation(second)))
            assert scores == tuple(told[c] for c in TESTS[i].candidates)
    assert 0 < stopped < len(BRIDGED)


def test_what_pages_and_practice_say() -> None:
    """A genome of one stage that reads two sections, the second twice, counted by hand."""
    first, second = next(
        (b.first, b.second) for b in WORLD.bridges() if b.first.science != b.second.science
    )
    books = [f"{r.science}#{r.section}" for r in (first, second)]
    stage = {
        "id": "only",
        "layer": "university",
        "share": 0.9,
        "books": [books[0], f"{books[1]} x2"],
    }
    practice = {"hops": 2, "within_book": False, "per_fact": 0.5, "form": "direct"}
    values = of_world(WORLD) | {
        "stages": [stage | {"practice": practice}],
        "scenes": [],
        "gaps": [],
    }
    school = School.of(parse_genome(written(values), "school.yaml", HERE), HERE)
    assert school.plan
    tests = [q for q in questions(school.plan, 10_000, twin=False) if q.kind == "two_hop_L1"]
    found = guesses(school, tests)
    only = school.genome.stages[0]
    one_pass = list(islice(school.readings(only), 100))
    practice_at = [i for i, document in enumerate(one_pass) if document.kind == "practice"]
    end = next(i for i in practice_at if one_pass[i + 1].kind == "reading") + 1
    pages = [document.text for document in one_pass[:end]]
    asked = " ".join(document.text for document in one_pass[practice_at[0] : end])
    practised = Counter(re.findall(r"\? It is (?:the )?(\w+)\.", asked))
    counted = Counter(re.findall(r"\w+", " ".join(pages)))
    for i, test in enumerate(tests):
        for c, candidate in enumerate(test.candidates):
            both = sum({ends(test)[0], candidate} <= set(re.findall(r"\w+", p)) for p in pages)
            at = {name: (guess[i] or ())[c] for name, guess in found.items()}
            assert at["type_prior"] == counted[candidate]
            assert at["co_occurrence"] == both
            if ends(test)[1:] == (first.name, second.name):
                assert at["answer_prior"] == practised[candidate]
    assert practised.total() > 0
