"""A micro fine-tune in few steps that each stand for several, at a fraction of its price."""

from collections.abc import Sequence
from typing import Any

from litho.core.ledger import Result
from litho.model.loading import LanguageModel
from litho.text.collections import Question
from litho.train.recipe import Recipe, train_and_ask

LONGEST = 3  # steps that one stands for


def strides(steps: int) -> tuple[int, ...]:
    """1, 2, 2, 3, 3, ...: A learns only once B is no longer 0, and then everything changes fast."""
    found: list[int] = []
    for stride in (1, 2, 2, *[LONGEST] * steps):
        left = steps - sum(found)
        if not left:
            break
        found.append(min(stride, left))
    return tuple(found)


def coarse_specification(
    model: LanguageModel, text: str, questions: str, recipe: Recipe
) -> dict[str, Any]:
    """What the result of `coarse_run` is found by; text and questions are given as hashes."""
    return {
        "format": 1,
        "coarse": strides(recipe.steps),
        "precision": str(model.network.dtype),
        "model": model.source.sha256(),
        "text": text,
        "questions": questions,
        "recipe": recipe.model_dump(mode="json"),
    }


def coarse_run(
    model: LanguageModel, recipe: Recipe, text: str, questions: Sequence[Question]
) -> Result:
    """Answers to all questions after the steps, in the precision of the model."""
    steps = recipe.steps
    found = train_and_ask(model, recipe, text, questions, (steps,), strides(steps))
    return found | {"answers": found["answers"][str(steps)]}
