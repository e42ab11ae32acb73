"""Questions with premises from elsewhere: multiple choice, or yes and no."""

from pathlib import Path

from litho.core.errors import LithoError
from litho.core.records import Record
from litho.text.items import Characters
from litho.text.jsonl import read_values, record

SHAPE = ': write {"context": "...", "question": "...", "choices": ["...", "..."], "answer": "..."}'
YES_NO = ("yes", "no")


class Asking(Record):
    """A question about a context; without choices it is answered by yes or no."""

    context: Characters
    question: Characters
    choices: tuple[Characters, ...] = YES_NO
    answer: Characters | int  # one of the choices, or its number from 0

    @property
    def right(self) -> int:
        return self.answer if isinstance(self.answer, int) else self.choices.index(self.answer)

    def prompt(self, premises: bool) -> str:
        """What stands before the answer, with or without the context."""
        told = f"{self.context}\n" if premises else ""
        return f"{told}Question: {self.question}\nAnswer:"


class ExternalSet(Record):
    """A file of such questions."""

    name: str
    questions: tuple[Asking, ...]


def read_external(path: Path) -> ExternalSet:
    """Questions from a JSONL file. Raises LithoError that names the first bad line."""
    questions = []
    for where, value in read_values(path, "questions"):
        question = record(where, value, Asking, SHAPE)
        if len(set(question.choices)) < max(2, len(question.choices)):
            raise LithoError(f"{where}: give at least two choices, each another")
        if not all((question.context.strip(), question.question.strip(), *question.choices)):
            raise LithoError(f"{where}: context, question and choices must hold text")
        if any(choice != choice.strip() for choice in question.choices):
            raise LithoError(f"{where}: Litho puts a space before each choice; remove yours")
        known = range(len(question.choices))
        answer = question.answer
        if (answer not in known) if isinstance(answer, int) else answer not in question.choices:
            raise LithoError(f"{where}: the answer {answer!r} is none of the choices")
        questions.append(question)
    return ExternalSet(name=path.name, questions=tuple(questions))
