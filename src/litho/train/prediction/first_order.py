"""The first step of a recipe, carried on in a straight line: one gradient a text, one a question.

A fresh LoRA adapter has B = 0, so that only B has a gradient, and AdamW's first step is the sign of
it. What a text does to a question is then steps x learning rate x <sign(g_text), g_question>
(Ilyas and Engstrom 2025, arXiv 2503.13751, take the gradient through the whole training instead).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from litho.model import adapters
from litho.model.loading import LanguageModel
from litho.model.sample_gradients import sample_gradients
from litho.model.scoring import Target
from litho.train.job import Reporter
from litho.train.recipe import Recipe, prepare

# Shapes: T texts, Q questions, N of either at a time, P parameters.
TEXTS_AT_ONCE = 16  # whose directions are float32 at the same time
PROBED = "first order"  # name of the adapter


@dataclass(frozen=True)
class FirstOrder:
    """Effects T x Q in nats per target token, and how alike the texts' directions are, T x T."""

    effects_TQ: np.ndarray
    cosines_TT: np.ndarray


def first_order(
    model: LanguageModel,
    recipe: Recipe,
    texts: Sequence[Target],
    questions: Sequence[Target],
    reporter: Reporter,
) -> FirstOrder:
    """Work out all effects; the model is read in its own precision, which should be float32."""
    prepare(model, PROBED, recipe)
    try:
        for path, weight in adapters.weights(model, PROBED).items():
            weight.requires_grad_(".lora_B." in path)  # the gradient of A is 0
        reporter.stage("gradients of the texts", len(texts))
        directions_TP = _directions(model, recipe, texts, reporter)
        reporter.stage("gradients of the questions", len(questions))
        products_TQ = torch.empty(len(texts), len(questions))
        done = 0
        for group, gradients_NP in sample_gradients(model, PROBED, questions):
            products_TQ[:, group] = _products(directions_TP, gradients_NP)
            done += len(group)
            reporter.advance(done)
    finally:
        adapters.detach(model)
    own_TT = _products(directions_TP, directions_TP)
    norms_T = own_TT.diagonal().sqrt()
    return FirstOrder(
        (recipe.steps * recipe.learning_rate * products_TQ).numpy(),
        (own_TT / (norms_T[:, None] * norms_T)).numpy(),
    )


def _directions(
    model: LanguageModel, recipe: Recipe, texts: Sequence[Target], reporter: Reporter
) -> Tensor:
    """Where the first step goes, T x P: signs in a byte each, or for SGD the gradient itself."""
    kind = torch.int8 if recipe.optimizer == "adamw" else torch.float32
    found_TP, done = torch.empty(0), 0
    for group, gradients_NP in sample_gradients(model, PROBED, texts):
        if not done:
            found_TP = torch.empty(len(texts), gradients_NP.shape[1], dtype=kind)
        found_TP[group] = gradients_NP.sign().to(kind) if kind == torch.int8 else gradients_NP
        done += len(group)
        reporter.advance(done)
    return found_TP


def _products(first_TP: Tensor, second_NP: Tensor) -> Tensor:
    """Inner products, T x N, a few rows in float32 at a time."""
    second = torch.split(second_NP, TEXTS_AT_ONCE)
    rows = [
        torch.cat([part.float() @ other.float().T for other in second], dim=1)
        for part in torch.split(first_TP, TEXTS_AT_ONCE)
    ]
    return torch.cat(rows)
