"""Questions from elsewhere: which choice a state finds likeliest, with the premises and without."""

from collections.abc import Sequence

from litho.core.errors import LithoError
from litho.model.loaded import LanguageModel
from litho.model.read.scoring import Target, target_logprobs
from litho.model.state import State
from litho.text.trails.external import Asking, ExternalSet


def targets(model: LanguageModel, question: Asking, premises: bool) -> list[Target]:
    """Each choice behind the question.

    Raises LithoError if one does not tokenize apart from it or is longer than the context.
    """
    prompt = question.prompt(premises)
    before = model.encode(prompt)
    found = []
    for choice in question.choices:
        whole = model.encode(f"{prompt} {choice}")
        if whole[: len(before)] != before or len(whole) == len(before):
            raise LithoError(f"the choice {choice!r} does not tokenize apart from its question")
        if len(whole) > model.context:
            raise LithoError(
                f"a question of {len(whole)} tokens ({prompt[:40]!r}), but {model.source.name} "
                f"reads {model.context}: shorten it"
            )
        found.append(Target(tuple(whole), len(before)))
    return found


def right_answers(state: State, questions: ExternalSet, premises: bool) -> list[float]:
    """1 for each question whose right choice has the highest mean log-probability per token."""
    right = []
    with state.active() as model:
        for question in questions.questions:
            logps = target_logprobs(model, targets(model, question, premises))
            right.append(float(_best(logps) == question.right))
    return right


def _best(values: Sequence[float]) -> int:
    return max(range(len(values)), key=values.__getitem__)
