"""The questions of a gate: a small fixed set about what is read by the end of a stage."""

from collections.abc import Iterable

from litho.core.errors import LithoError
from litho.text.school.cloze import CLOZE, cloze_questions
from litho.text.school.genome import Genome, Stage
from litho.text.school.plan import Plan, sections_read
from litho.text.school.questions import Question, questions
from litho.text.school.shelf import FileBook, Shelf

ASKED = 64  # questions of a gate, at most
DRAWN = 400  # of a kind about books from files, of which those about what was read are asked
EVERY = 10**6


def gate_questions(genome: Genome, shelf: Shelf, plan: Plan | None, stage: Stage) -> list[Question]:
    """What the gate of a stage asks; always the same, whatever the exam asks."""
    assert stage.gate
    kind, read = stage.gate.test, _read_by(genome, shelf, stage)
    found: Iterable[Question] = ()
    if kind in CLOZE:
        found = cloze_questions(shelf, DRAWN)
    elif plan:
        found = questions(plan, EVERY, twin=False)
    about = [q for q in found if q.kind == kind and q.sections and read.issuperset(q.sections)]
    return about[:ASKED]


def asked_at_gates(genome: Genome, shelf: Shelf, plan: Plan | None) -> list[list[Question]]:
    """What each gate asks. Raises LithoError if one would have nothing to ask."""
    found = []
    for number, stage in enumerate(genome.stages):
        if stage.gate:
            found.append(gate_questions(genome, shelf, plan, stage))
            if not found[-1]:
                raise LithoError(
                    f"stages[{number}].gate.test: the books that are read by the end of stage "
                    f"{stage.id!r} yield no question for {stage.gate.test!r}: choose another test, "
                    "give the gate to a later stage, or leave it out"
                )
    return found


def can_be_asked(genome: Genome, shelf: Shelf, plan: Plan | None, stage: Stage) -> bool:
    """Whether the gate of a stage can be: of books from files, without reading them."""
    assert stage.gate
    if stage.gate.test not in CLOZE:
        return bool(gate_questions(genome, shelf, plan, stage))
    books = {section.partition("#")[0] for section in _read_by(genome, shelf, stage)}
    return any(isinstance(shelf[book], FileBook) for book in books)


def _read_by(genome: Genome, shelf: Shelf, stage: Stage) -> set[str]:
    """The sections that are read by the end of a stage."""
    number = genome.stages.index(stage)
    return {
        f"{book}#{section}"
        for each in genome.stages[: number + 1]
        for book, section in sections_read(each, shelf)
    }
