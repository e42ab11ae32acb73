"""The first step of a recipe, carried on along a path that bends: a few gradients a text.

A fresh LoRA adapter has B = 0, so that only B has a gradient, and AdamW's first step is the sign
of it: what it does to a question is learning rate x <sign(g_text), g_question>. Where the path
bends, the text's gradient is taken again, and its sign is where the steps that follow go. The
questions' gradients are those at the start, one each for all texts. (Ilyas and Engstrom 2025,
arXiv 2503.13751, take the gradient through the whole training instead.)
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from litho.core.reporter import Reporter
from litho.learn.losses import backward_text, check_converging
from litho.learn.recipe import adapter_of, gradient_of
from litho.learn.records import Recipe
from litho.model.adapters import lora
from litho.model.loaded import LanguageModel
from litho.model.read.scoring import Target
from litho.model.watch.sample_gradients import sample_gradients

# Shapes: T texts, Q questions, N of either at a time, P parameters, K stretches of a path.
BENDS = (4, 8)  # steps after which a text's gradient is taken again
TEXTS_AT_ONCE = 16  # whose directions are float32 at the same time
PROBED = "first order"  # name of the adapter


@dataclass(frozen=True)
class FirstOrder:
    """What one step does on each stretch of the path, K x T x Q in nats per target token.

    And how alike the texts' first steps are, T x T.
    """

    stretches_KTQ: np.ndarray
    cosines_TT: np.ndarray

    def estimates(self, steps: int) -> list[np.ndarray]:
        """Of what so many steps do, T x Q each: straight on, with one bend, and so on."""
        return [
            np.tensordot(lengths((*BENDS[:k], steps)), self.stretches_KTQ[: k + 1], 1)
            for k in range(bends(steps) + 1)
        ]


def bends(steps: int) -> int:
    """How many bends there are in so many steps."""
    return sum(bend < steps for bend in BENDS)


def lengths(ends: Sequence[int]) -> np.ndarray:
    """How many steps each stretch has; `ends`: after how many it ends."""
    return np.diff((0, *ends))


def first_order(
    model: LanguageModel,
    recipe: Recipe,
    texts: Sequence[Target],
    questions: Sequence[Target],
    reporter: Reporter,
) -> FirstOrder:
    """Work out what steps do; the model is read in its own precision, which should be float32.

    Raises LithoError if a path leads to where the loss is no number.
    """
    with lora.fresh(model, PROBED, adapter_of(model, recipe)) as probed, probed.active():
        for path, weight in lora.weights(model, PROBED).items():
            weight.requires_grad_(".lora_B." in path)  # the gradient of A is 0
        paths = _paths(model, recipe, texts, reporter)
        reporter.stage("gradients of the questions", len(questions))
        products_KTQ = torch.empty(len(paths), len(texts), len(questions), device=model.device)
        done = 0
        for group, gradients_NP in sample_gradients(model, PROBED, questions):
            for k, directions_TP in enumerate(paths):
                products_KTQ[k, :, group] = _products(directions_TP, gradients_NP)
            done += len(group)
            reporter.advance(done)
    own_TT = _products(paths[0], paths[0])
    norms_T = own_TT.diagonal().sqrt()
    return FirstOrder(
        (recipe.learning_rate * products_KTQ).cpu().numpy(),
        (own_TT / (norms_T[:, None] * norms_T)).cpu().numpy(),
    )


def _paths(
    model: LanguageModel, recipe: Recipe, texts: Sequence[Target], reporter: Reporter
) -> list[Tensor]:
    """Where the steps of each stretch go, T x P each; the adapter is left as it was, B = 0."""
    reporter.stage("gradients of the texts", len(texts))
    paths = [_directions(model, recipe, texts, reporter)]
    matrices = [w for w in lora.weights(model, PROBED).values() if w.requires_grad]
    fresh_P = nn.utils.parameters_to_vector(matrices).detach()
    for k in range(1, bends(recipe.steps) + 1):
        where = f"step {BENDS[k - 1]}"
        reporter.stage(f"gradients of the texts after {where}", len(texts))
        turned_TP = torch.empty_like(paths[0])
        for t, text in enumerate(texts):
            moved_P = fresh_P.clone()
            for length, directions_TP in zip(lengths(BENDS[:k]), paths, strict=True):
                moved_P += float(length) * recipe.learning_rate * directions_TP[t]
            nn.utils.vector_to_parameters(moved_P, matrices)
            model.network.zero_grad()
            with torch.enable_grad():
                loss = backward_text(model, [text.ids], len(text.ids))
            check_converging(loss, where, recipe.learning_rate)
            turned_TP[t] = _direction(recipe, -gradient_of(matrices))
            reporter.advance(t + 1)
        paths.append(turned_TP)
    nn.utils.vector_to_parameters(fresh_P, matrices)
    return paths


def _directions(
    model: LanguageModel, recipe: Recipe, texts: Sequence[Target], reporter: Reporter
) -> Tensor:
    """Where the first step goes, T x P: signs in a byte each, or for SGD the gradient itself."""
    directions_TP, done = torch.empty(0, device=model.device), 0
    for group, gradients_NP in sample_gradients(model, PROBED, texts):
        directions_NP = _direction(recipe, gradients_NP)
        if not done:
            directions_TP = directions_NP.new_empty(len(texts), directions_NP.shape[1])
        directions_TP[group] = directions_NP
        done += len(group)
        reporter.advance(done)
    return directions_TP


def _direction(recipe: Recipe, gradient: Tensor) -> Tensor:
    return gradient.sign().to(torch.int8) if recipe.optimizer == "adamw" else gradient


def _products(first_TP: Tensor, second_NP: Tensor) -> Tensor:
    """Inner products, T x N, a few rows in float32 at a time."""
    second = torch.split(second_NP, TEXTS_AT_ONCE)
    rows = [
        torch.cat([part.float() @ other.float().T for other in second], dim=1)
        for part in torch.split(first_TP, TEXTS_AT_ONCE)
    ]
    return torch.cat(rows)
