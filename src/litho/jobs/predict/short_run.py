"""A micro fine-tune that takes several steps along each gradient, at a fraction of its method."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from litho.core.work import Result
from litho.learn.recipe import TRAINED, adapter_of, ask, follow
from litho.learn.records import Recipe
from litho.model.adapters import lora
from litho.model.loaded import LanguageModel
from litho.model.placement import HOST
from litho.text.items import Question

FIRST = (1, 3)  # steps along the first gradients: A learns only once B is no longer 0
LONGEST = 4  # steps along each one that follows
COMPARED = 2**14  # places at which the first steps of texts are compared


def strides(steps: int) -> tuple[int, ...]:
    """How many steps are taken along each gradient."""
    taken: list[int] = []
    for stride in (*FIRST, *[LONGEST] * steps):
        left = steps - sum(taken)
        if not left:
            break
        taken.append(min(stride, left))
    return tuple(taken)


def short_run_specification(
    model: LanguageModel, text: str, questions: str, recipe: Recipe
) -> dict[str, Any]:
    """What the result of `short_run` is found by; text and questions are given as hashes."""
    return {
        "format": 3,
        "coarse": strides(recipe.steps),  # what results kept so far are found by
        "placement": model.placement.described(),
        "model": model.source.sha256(),
        "text": text,
        "questions": questions,
        "recipe": recipe.model_dump(mode="json"),
    }


def short_run(
    model: LanguageModel, recipe: Recipe, text: str, questions: Sequence[Question]
) -> Result:
    """Answers to all questions after the steps, in the precision of the model.

    And the loss of each gradient, and the signs of the first step for `cosines`.
    """
    losses, signs = [], ""
    with lora.fresh(model, TRAINED, adapter_of(model, recipe)):
        path = follow(model, TRAINED, recipe, model.encode(text), strides(recipe.steps))
        for _, loss in path:
            losses.append(loss)
            signs = signs or _first_step(model)
        answers = ask(model, questions)
    return {"answers": answers, "losses": losses, "first_step": signs}


def _first_step(model: LanguageModel) -> str:
    """Where B, which began as 0, has risen and where it has fallen: bits, in hexadecimal."""
    weights = lora.weights(model, TRAINED).items()
    step_P = torch.cat(
        [weight.detach().flatten() for path, weight in weights if ".lora_B." in path]
    )
    chance = torch.Generator(HOST).manual_seed(0)
    places = torch.randint(len(step_P), (COMPARED,), generator=chance, device=HOST)
    step_C = step_P[places.to(step_P.device)].cpu().numpy()
    return np.packbits([step_C > 0, step_C < 0]).tobytes().hex()


def cosines(first_steps: Sequence[str]) -> np.ndarray:
    """How alike the signs of first steps are, T x T; drawing the places errs by about 0.01."""
    bits = [np.unpackbits(np.frombuffer(bytes.fromhex(each), np.uint8)) for each in first_steps]
    up_TC, down_TC = np.split(np.array(bits, dtype=float), 2, axis=1)
    signs_TC = up_TC - down_TC
    norms_T = np.maximum(np.linalg.norm(signs_TC, axis=1), 1)
    return np.asarray(signs_TC @ signs_TC.T / (norms_T[:, None] * norms_T))
