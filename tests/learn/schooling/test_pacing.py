"""Pacing: what is read is a function of the events, and probes say what they mean."""

import math
from collections.abc import Iterator
from itertools import chain

import numpy as np
import pytest
import torch

from litho.learn.schooling.alarms import alarms, is_slow
from litho.learn.schooling.course import Course
from litho.learn.schooling.lesson import Lesson
from litho.learn.schooling.pacing import Pace
from litho.learn.schooling.probing import ProbeText, bits_per_byte
from litho.learn.schooling.records import Action, Event, Probe
from litho.learn.schooling.rows import NO_TARGET, Batch, PackedRows
from litho.text.school.training import Advance, Alarm, Pacing
from tests.learn.schooling.test_loop import learner

SIZE, LENGTH, BATCH, NAMES = 24, 8, 16, ("plants", "stars")  # a document, a row, a step


def lesson(name: str, first: int, books: str, scenes: str = "") -> Lesson:
    """Documents of `SIZE` tokens, each token its own number; `books`: p, s or -, by document."""
    count = len(books)
    ids = first + np.arange(count * SIZE)
    numbers = np.asarray(["ps".find(book) for book in books])
    played = np.asarray([book == "x" for book in scenes.ljust(count)])
    edges = np.arange(count + 1) * SIZE
    rows = PackedRows(ids, edges, np.arange(count), np.zeros(count, np.int64), 0, LENGTH)
    return Lesson(name, rows, name, NAMES, numbers, played)


LESSONS = [lesson("one", 1000, "ppss"), lesson("two", 2000, "ppsspp--", "  x    x")]


def happens(step: int, action: Action, book: str = "plants", taught: str = "one") -> Event:
    return Event(
        stage="two", step=step, tokens=0, action=action, book=book, taught=taught, cause=""
    )


def targets(course: Course, first: int = 0) -> Iterator[list[int]]:
    for step in range(first, course.steps):
        batch: Batch = course.batch(step, course.steps)
        yield batch.targets_BT[batch.targets_BT != NO_TARGET].tolist()


def numbers(course: Course, first: int = 0) -> list[int]:
    """The documents of the second lesson that are read from a step on, in their order."""
    found = [(each - 2000) // SIZE for each in chain(*targets(course, first)) if each >= 2000]
    return list(dict.fromkeys(found))


def course() -> Course:
    return Course(LESSONS, 1, BATCH, some=40)


def test_without_events_a_stage_is_read_as_it_is_written() -> None:
    rows, plain = LESSONS[1].rows, course()
    assert plain.steps == rows.steps(BATCH)
    for step in range(plain.steps):
        one, other = plain.batch(step, plain.steps), rows.batch(step, plain.steps)
        assert torch.equal(one.ids_BT, other.ids_BT)
        assert torch.equal(one.targets_BT, other.targets_BT)


def test_a_book_is_put_off() -> None:
    paced = course()
    assert paced.take(happens(1, "switch_book"))  # one step read 16 tokens of document 0
    assert numbers(paced, 1) == [2, 3, 6, 7, 1, 4, 5]
    assert not paced.take(happens(4, "switch_book"))  # it is last already
    assert not paced.take(happens(4, "switch_book", book="rivers"))


def test_scenes_are_played_at_once() -> None:
    paced = course()
    assert paced.take(happens(1, "inject_scene", book="stars"))
    assert numbers(paced, 1)[:2] == [2, 1]
    assert not paced.take(happens(1, "inject_scene"))  # there is none about plants


def test_pages_are_read_again_every_second_step() -> None:
    paced = course()
    assert paced.take(happens(2, "reread"))
    read = list(targets(paced))
    first = [step for step, ids in enumerate(read) if min(ids) < 2000]
    assert first == [2, 4]  # 24 of at most 40 tokens fit: one page, in two steps
    assert [*read[2], *read[4]] == list(range(1000, 1000 + SIZE))
    rest = [each for step, ids in enumerate(read) if step not in first and step > 2 for each in ids]
    assert rest == list(range(2000 + 2 * SIZE, 2000 + 8 * SIZE))[: len(rest)]
    assert paced.steps == LESSONS[1].rows.steps(BATCH)  # no more than was planned
    assert not course().take(happens(0, "reread", taught="two"))  # nothing of it was read yet


def test_a_stage_ends_early() -> None:
    paced = course()
    assert paced.take(happens(5, "advance")) and paced.steps == 5


def probe(stage: str, now: float, gap: float = 0.0, old: float | None = None) -> Probe:
    bpb = {stage: {"plants": now}} | ({"old": {"stars": old}} if old is not None else {})
    return Probe(stage=stage, step=1, tokens=1, bpb=bpb, gap={"plants": gap})


def test_a_stage_that_teaches_no_more_is_slow() -> None:
    advance = Advance(slope_bpb=0.1, patience=2)
    falls = [probe("a", bits) for bits in (3.0, 2.5, 2.45, 2.5)]
    assert is_slow(falls, advance) and not is_slow(falls[:3], advance)
    assert not is_slow([*falls, probe("a", 2.3)], advance)


def test_a_forgotten_book_is_an_alarm() -> None:
    told = [probe("a", 2.0, old=1.0), probe("a", 1.9, old=1.03), probe("a", 1.8, old=1.06)]
    assert not alarms(told[:2], Alarm(forget=0.05))
    (raised,) = alarms(told, Alarm(forget=0.05))
    assert (raised.kind, raised.taught, raised.book) == ("forget", "old", "stars")


@pytest.mark.parametrize(
    ("gaps", "last", "raised"),
    [
        ((0.1, 0.2, 0.2), 1.7, True),
        ((0.1, 0.1, 0.2), 1.7, False),  # once
        ((0.1, 0.2, 0.2), 1.9, False),  # its own wording does not get easier
        ((0.1, 0.2, 0.14), 1.7, False),
    ],
)
def test_a_widening_gap_is_an_alarm(gaps: tuple[float, ...], last: float, raised: bool) -> None:
    told = [probe("a", bits, gap) for bits, gap in zip((2.0, 1.8, last), gaps, strict=True)]
    found = alarms(told, Alarm(gap_rise=0.05, forget=8))
    assert [each.kind for each in found] == ["gap"] * raised


def test_bits_per_byte_are_those_of_one_token_after_the_other() -> None:
    pupil = learner()
    rows = [(0, 5, 7, 9), (0, 3), (0, *range(1, 17))]
    texts = [ProbeText("a", "plants", "page", tuple(rows), 10)]
    slow = 0.0
    for row in rows:
        for end in range(1, len(row)):
            logits_NV = pupil.logits(torch.tensor([row[:end]]))
            slow -= torch.log_softmax(logits_NV[-1], -1)[row[end]].item()
    assert bits_per_byte(pupil, texts)[0] == pytest.approx(slow / math.log(2) / 10, rel=1e-5)


def pace(**changes: object) -> Pace:
    told = {"probe": 32, "alarm": {"forget": 8, "gap_rise": 8}, "on_alarm": ["reread"]} | changes
    texts = [ProbeText(name, "plants", "page", ((0, 1, 2, 3),), 4) for name in ("one", "two")]
    return Pace(Pacing(**told), texts, BATCH)


def test_the_last_stage_is_read_whole() -> None:
    eager: dict[str, object] = {"advance": {"slope_bpb": 1, "patience": 1}}
    for number, ends in ((0, [4]), (1, [])):
        paced = pace(**eager)
        way = paced.course(LESSONS, number)
        step = 0
        while step < way.steps:
            step += 1
            paced.look(learner(), LESSONS, number, way, step, 0)
        assert [event.step for event in paced.events if event.action == "advance"] == ends
        assert step == (ends or [LESSONS[number].rows.steps(BATCH)])[0]


def test_what_a_pace_remembers_is_all_that_it_needs() -> None:
    paced, other = pace(), pace()
    way = paced.course(LESSONS, 1)
    paced.look(learner(), LESSONS, 1, way, 2, 32)
    switched = happens(2, "switch_book")
    assert way.take(switched)
    paced.events.append(switched)
    other.recall(paced.memory())
    assert (other.events, other.probes) == (paced.events, paced.probes) and other.probes
    assert list(targets(other.course(LESSONS, 1))) == list(targets(way))
