"""Who says whether an answer is right: the world, the model's own samples, or a function."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from importlib import import_module
from typing import Protocol

from litho.core.errors import LithoError, first_line
from litho.core.records import Record
from litho.jobs.rewrite.result import Judged
from litho.text.school.loops import last_named
from litho.text.school.rewriting.pool import Task

EXACT, AGREEMENT = "exact", "agreement"
LENIENT = 0.2  # share of errors, planted or own, that a judge may accept without a warning
Judge = Callable[[Task, str, Sequence[str]], bool | None]  # None: it cannot say


class Answered(Record):
    """What a model wrote behind a question, and what the judge says of it."""

    task: str
    question: str
    facts: tuple[str, ...]
    expected: str
    written: str
    named: str | None
    samples: tuple[str, ...]
    right: bool  # by the world
    accepted: bool | None


def is_right(task: Task, text: str) -> bool:
    """By the world: the thing of the right type that is named last is the answer."""
    return last_named(text, task.things) == task.answer


def judge_of(name: str, agree: int) -> Judge:
    """Raises LithoError if there is no such judge."""
    if name == EXACT:
        return lambda task, text, _: is_right(task, text)
    if name == AGREEMENT:
        return lambda task, text, samples: _agreeing(task, text, samples, agree)
    function = function_named(name, (EXACT, AGREEMENT))
    return lambda task, text, _: function(task.question, text)


def agreed(task: Task, samples: Sequence[str], agree: int) -> str | None:
    """What at least so many samples name."""
    named = Counter(found for each in samples if (found := last_named(each, task.things)))
    thing, count = named.most_common(1)[0] if named else (None, 0)
    return thing if count >= agree else None


class _Said(Protocol):
    """An answer with what is known of it; None: nothing."""

    @property
    def right(self) -> bool | None: ...

    @property
    def accepted(self) -> bool | None: ...


def judged(answers: Sequence[_Said], errors: Sequence[bool | None]) -> Judged:
    """`errors`: what the judge said of planted errors."""
    accepted = [said for said in answers if said.accepted and said.right is not None]
    right = [said for said in answers if said.right]
    return Judged(
        planted=len(errors),
        accepted_errors=_share([error is True for error in errors]),
        wrong_accepted=_share([not said.right for said in accepted]),
        right_refused=_share([said.accepted is not True for said in right]),
    )


def _share(values: Sequence[bool]) -> float | None:
    return sum(values) / len(values) if values else None


def _agreeing(task: Task, text: str, samples: Sequence[str], agree: int) -> bool | None:
    thing = agreed(task, samples, agree)
    return None if thing is None else last_named(text, task.things) == thing


def function_named(name: str, others: Sequence[str]) -> Callable[[str, str], bool]:
    """A user's function of question and answer, by `MODULE:FUNCTION`.

    Raises LithoError if there is none, and later wherever it fails. `others`: judges that Litho
    has.
    """
    module, _, attribute = name.partition(":")
    try:
        found = getattr(import_module(module), attribute)
    except Exception as error:  # a module of the user's runs when it is imported
        raise LithoError(
            f"there is no judge {name!r} ({type(error).__name__}: {first_line(error)}): "
            f"{', '.join(others)}, or MODULE:FUNCTION"
        ) from None
    if not callable(found):
        raise LithoError(f"the judge {name!r} is no function of a question and an answer")

    def judge(question: str, text: str) -> bool:
        try:
            return bool(found(question, text))
        except Exception as error:
            raise LithoError(
                f"the judge {name!r} fails on an answer to {question!r}: "
                f"{type(error).__name__}: {first_line(error)}"
            ) from error

    return judge


def too_lenient(arm: str, judges: Iterable[Judged]) -> str | None:
    """A warning about a judge that takes planted errors for right."""
    planted = max((judge.accepted_errors or 0.0 for judge in judges), default=0.0)
    if planted <= LENIENT:
        return None
    return (
        f"the judge of {arm} takes {planted:.0%} of planted errors for right: what it calls "
        "understood is not, and few failures are rewritten; choose another judge"
    )
