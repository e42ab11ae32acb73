"""Questions from books in files: what is asked, what is beside it, and always the same."""

import re
from collections import Counter
from functools import cache
from pathlib import Path
from random import Random

from litho.text.school.asked import exam_questions
from litho.text.school.cloze import CANDIDATES, CLOZE, CONTEXT, _apart, cloze_questions
from litho.text.school.genome import parse_genome
from litho.text.school.questions import Question
from litho.text.school.shelf import Shelf, open_shelf
from litho.text.school.stages import School

NAMES = (
    "Marek", "Dolny", "Vilem", "Oskar", "Agata", "Pavla", "Hanka", "Lubos", "Ivana", "Tomas",
    "Radek", "Libor", "Jitka", "Karel",
)  # fmt: skip
THINGS = (
    "lantern", "kettle", "harbour", "garden", "window", "journey", "saddle", "barrel", "candle",
    "basket", "curtain", "ladder", "mirror", "blanket",
)  # fmt: skip
PLAIN = ("when", "all", "was", "quiet", "they", "went", "on", "along", "roads", "which", "nobody")
GENOME = """
genome: litho.genome/1
id: books
seed: 0
budget: {tokens: 1000, tail: 0.1}
library: {one: {source: "file:one.txt"}, two: {source: "file:two.txt"}}
stages: [{id: all, layer: school, share: 0.9, books: [one, two]}]
"""


def book(seed: int) -> str:
    """Chapters in which names, numbers and things come by chance."""
    draw, parts = Random(seed), []
    for number in range(1, 7):
        lines = [
            f"And {' '.join(draw.sample(PLAIN, 9))} {draw.choice(NAMES)} came with the "
            f"{draw.choice(THINGS)} in {draw.randrange(10, 99)} {' '.join(draw.sample(PLAIN, 7))}."
            for _ in range(12)
        ]
        parts.append(f"CHAPTER {number}.\n\n" + "\n".join(lines))
    return "\n\n".join(parts)


@cache
def books() -> dict[str, str]:
    return {"one": book(1), "two": book(2)}


def school(folder: Path) -> School:
    for name, text in books().items():
        (folder / f"{name}.txt").write_text(text)
    return School.of(parse_genome(GENOME, "school.yaml", folder), folder)


def shelf(folder: Path) -> Shelf:
    return open_shelf(school(folder).genome, folder)


def named(question: Question) -> set[str]:
    return set(re.findall(r"\w+", question.lead))


def test_words_left_out_of_a_page(tmp_path: Path) -> None:
    asked = [q for q in cloze_questions(shelf(tmp_path), 40) if q.kind != "order"]
    assert {q.kind for q in asked} == set(CLOZE) - {"order"}
    for question in asked:
        name, _, start = question.facts[0].partition(":")
        text = " ".join(books()[name][: int(start)].split())
        assert text.endswith(question.lead) and len(question.lead.split()) <= CONTEXT
        assert books()[name][int(start) :].startswith(question.answer)
        assert question.sections[0].startswith(f"{name}#chapter-")
        assert question.answer in question.candidates
        assert len(set(question.candidates)) == CANDIDATES
        # Nothing that the page says, and all of one shape.
        assert not named(question) & set(question.candidates)
        assert all(re.search(rf"\b{c}\b", books()[name]) for c in question.candidates)
        assert len({(c.isdecimal(), c.istitle()) for c in question.candidates}) == 1
        assert question.closed == question.candidates
        assert list(question.candidates) == _apart(question.candidates)
    kinds = {q.kind: q for q in asked}
    assert kinds["cloze_name"].answer in NAMES and kinds["cloze_word"].answer in THINGS
    assert len({q.id for q in asked}) == len(asked)


def test_which_section_comes_next(tmp_path: Path) -> None:
    asked = [q for q in cloze_questions(shelf(tmp_path), 40) if q.kind == "order"]
    assert len(asked) == 2 * 5
    for question in asked:
        name = question.facts[0].partition(":")[0]
        words = " ".join(re.sub(r"CHAPTER \d\.", "", books()[name]).split())
        assert f"{question.lead} {question.answer}" in words
        other = next(c for c in question.candidates if c != question.answer)
        assert other in words and f"{question.lead} {other}" not in words
    assert 2 < sum(q.candidates.index(q.answer) for q in asked) < 8


def test_the_same_every_time_and_evenly_over_books(tmp_path: Path) -> None:
    every = list(cloze_questions(shelf(tmp_path), 6))
    assert every == list(cloze_questions(shelf(tmp_path), 6))
    counts = Counter((q.kind, q.sections[0].partition("#")[0]) for q in every)
    assert set(counts.values()) == {3}
    assert [q for q in exam_questions(school(tmp_path)) if q in every] == every


def test_no_candidate_begins_another() -> None:
    assert _apart(["six", "sixteen", "ten", "tenth", "nine"]) == ["six", "ten", "nine"]
    assert _apart(["sixteen", "six"]) == ["sixteen"]
