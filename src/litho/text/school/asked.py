"""All questions of an exam on a genome."""

from pathlib import Path

from litho.core.errors import LithoError
from litho.text.jsonl import read_values, record
from litho.text.school.cloze import cloze_questions
from litho.text.school.genome import Tests
from litho.text.school.questions import Question, questions
from litho.text.school.stages import School

TESTS = "tests.jsonl"  # of a build


def exam_questions(school: School) -> list[Question]:
    """Of its world and of its books from files, up to as many of each kind as the genome says."""
    wanted = school.genome.tests or Tests()
    found = list(cloze_questions(school.shelf, wanted.n))
    if school.plan:
        found += questions(school.plan, wanted.n, wanted.twin is not None)
    return found


def built_questions(build: Path) -> list[Question]:
    """Those that lie in a build. Raises LithoError if it holds none."""
    if not (build / TESTS).is_file():
        raise LithoError(f"{build} is no build: there is no {TESTS} in it")
    found = []
    for where, value in read_values(build / TESTS, "questions"):
        question = record(where, value, Question, " is no question of an exam")
        if not {question.answer, question.twin or question.answer} <= set(question.candidates):
            raise LithoError(f"{where}: the answer, or the twin's, is none of the candidates")
        if len(set(question.candidates)) < max(2, len(question.candidates)):
            raise LithoError(f"{where}: there have to be two candidates, each of them once")
        found.append(question)
    return found
