"""Who says whether an answer is right: the page, the model with it open, samples, a function."""

import re
from collections.abc import Callable, Sequence

from litho.core.records import Record
from litho.jobs.reprint.config import ReprintConfig
from litho.jobs.reprint.tasks import Task
from litho.jobs.rewrite.judges import AGREEMENT, EXACT, function_named
from litho.measure.printing.answers import is_right
from litho.text.sentences import words

BOOK = "book"
Judge = Callable[[Task, str, Sequence[str]], bool | None]  # None: it cannot say


class Answered(Record):
    """What a model said to a question without the page, and what the judge says of it."""

    task: str
    page: int
    question: str
    expected: str | None  # the word of the page that the question leaves out
    written: str
    beside: tuple[str, ...]  # the answer with the page open, or samples
    right: bool | None  # by the word that is expected
    accepted: bool | None


def judge_of(config: ReprintConfig) -> Judge:
    """Raises LithoError if there is no such judge."""
    if config.judge == EXACT:
        return lambda task, text, _: right_by_page(task, text)
    if config.judge == BOOK:
        return lambda task, text, beside: say_the_same(task.question, text, beside[0])
    if config.judge == AGREEMENT:
        return lambda task, text, beside: _agreeing(task.question, text, beside, config.agree)
    function = function_named(config.judge, (EXACT, BOOK, AGREEMENT))
    return lambda task, text, _: function(task.question, text)


def right_by_page(task: Task, text: str) -> bool | None:
    """Whether an answer holds what the question leaves out of its sentence."""
    return None if task.fact is None else is_right(text, task.fact)


def say_the_same(question: str, one: str, other: str) -> bool:
    """Whether two answers add the same to a question: most words of the one that adds fewer."""
    asked = set(words(question))
    first, second = ({*words(text)} - asked for text in (one, other))
    return 2 * len(first & second) > min(len(first), len(second))


def planted_error(task: Task, tasks: Sequence[Task]) -> str | None:
    """The sentence with another fact of the page, of the same kind, in place of its own."""
    if task.fact is None:
        return None
    kind = _kind(task.fact)
    others = [
        each.fact
        for each in tasks
        if each.fact and each.page == task.page and _kind(each.fact) == kind
    ]
    other = next((fact for fact in others if not is_right(task.sentence, fact)), None)
    return task.sentence.replace(task.fact, other) if other else None


def _kind(fact: str) -> str:
    """A number, a name, or a common word."""
    return "number" if re.match(r"\d", fact) else "name" if fact[:1].isupper() else "word"


def _agreeing(question: str, text: str, samples: Sequence[str], agree: int) -> bool | None:
    alike = [[say_the_same(question, one, other) for other in samples] for one in samples]
    most = max(range(len(samples)), key=lambda i: sum(alike[i]))
    if sum(alike[most]) < agree:
        return None
    return say_the_same(question, text, samples[most])
