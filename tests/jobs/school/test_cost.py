"""What a school is expected to cost besides its steps."""

import re
from pathlib import Path
from typing import Any

import pytest

from litho.jobs.school.cost import exam_tokens, probe_tokens
from litho.measure.school.scores import BRIDGED
from litho.measure.school.writing import MOST
from litho.model.codec import of_bytes
from litho.text.school.asked import exam_questions
from litho.text.school.genome import Genome, read_genome
from litho.text.school.probed import probe_texts
from litho.text.school.stages import School
from tests.jobs.school.test_run import genome


def read(folder: Path, **changes: Any) -> Genome:  # noqa: ANN401  keys of a genome
    return read_genome(genome(folder, **changes))


def test_an_exam_takes_as_long_as_its_tokens(tmp_path: Path) -> None:
    asking, codec = read(tmp_path, tests={"n": 3}), of_bytes()
    tokens = 0
    for test in exam_questions(School.of(asking, tmp_path)):
        own = sum(len(each.ids) for each in codec.encode([test.context, *test.closed]))
        tokens += own + (2 * MOST if test.kind in BRIDGED else 0)
    bridged = [t.kind in BRIDGED for t in exam_questions(School.of(asking, tmp_path))]
    assert 0 < sum(bridged) < len(bridged)
    assert tokens < exam_tokens(asking, tmp_path) < 2 * tokens  # bridges are asked twice
    assert exam_tokens(read(tmp_path), tmp_path) == 0


def test_probes_take_time(tmp_path: Path) -> None:
    often = read(tmp_path, pacing={"probe": 500})
    assert probe_tokens(often, tmp_path) > 0 == probe_tokens(read(tmp_path), tmp_path)
    seldom = read(tmp_path, pacing={"probe": 1000})
    assert probe_tokens(often, tmp_path) == pytest.approx(2 * probe_tokens(seldom, tmp_path))


def test_probes_ask_the_same_facts_in_wordings_of_books_and_in_others(tmp_path: Path) -> None:
    school = School.of(read(tmp_path), tmp_path)
    told = {(each.stage, each.book, each.kind): each.text for each in probe_texts(school)}
    assert told == {(e.stage, e.book, e.kind): e.text for e in probe_texts(school)}
    assert {kind for *_, kind in told} == {"page", "said", "held"}
    world = school.plan.world if school.plan else None
    assert world
    names = [name for some in world.things.values() for name in some]
    for (stage, book, kind), text in told.items():
        if kind != "said":
            continue
        held = told[stage, book, "held"]
        named = [
            sorted(word for word in re.findall(r"\w+", each) if word in names)
            for each in (text, held)
        ]
        assert named[0] == named[1] != [] and text != held
    assert ("primer", "plants", "said") not in told  # it reads names alone
