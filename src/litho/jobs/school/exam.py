"""The exam that a school ends with."""

from pathlib import Path

from litho.core.errors import LithoError
from litho.core.reporter import Reporter
from litho.measure.school.exam import examine, fitting
from litho.measure.school.records import ExamResult
from litho.model.loaded import LanguageModel
from litho.text.school.asked import exam_questions
from litho.text.school.genome import Genome
from litho.text.school.shortcuts import guesses
from litho.text.school.stages import School


def examined(
    genome: Genome, folder: Path, model: LanguageModel, reporter: Reporter
) -> ExamResult | None:
    """What a model says to the questions of a genome; None if it can read none of them."""
    school = School.of(genome, folder)
    asked = exam_questions(school)
    try:
        asked = [asked[number] for number in fitting(model, asked)]
    except LithoError as error:
        reporter.note(f"note: no exam: {error}")
        return None
    return examine(model, asked, reporter, guesses(school, asked))
