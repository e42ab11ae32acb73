"""What a training on many texts would have come to without some of them, without training again.

The training is followed once and the gradient of every step is kept. Without a text its steps are
left out and the optimizer goes through the others again: its moments and bias corrections are
exact, the gradients are those of the training as it was. Differentiating through the training as
well (Ilyas and Engstrom 2025, arXiv 2503.13751) says how these would have changed, too, for small
changes; it costs as much as a training for each question, or for each text.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from litho.learn.recipe import gradient_of, optimizer_of, trainer_of
from litho.learn.records import Recipe
from litho.learn.sources import in_turn
from litho.model.adapters import lora
from litho.model.loaded import LanguageModel

# Shapes: S steps, P parameters of the adapter.


@dataclass(frozen=True)
class Trajectory:
    """A training as it was: where it began, and in each step whose turn it was and its gradient."""

    recipe: Recipe
    order: tuple[int, ...]  # S, numbers of texts
    start_P: Tensor
    gradients_P: list[Tensor]  # S, of the mean loss per token


def record(
    model: LanguageModel,
    name: str,
    recipe: Recipe,
    rows: Sequence[Sequence[int]],
    order: Sequence[int],
) -> Trajectory:
    """Train the new adapter `name` on one of the rows a step and keep all gradients, S x P numbers.

    `order` says which row, and with it how many steps there are: the recipe's own number says
    nothing here. Raises LithoError if the training diverges.
    """
    trainer = trainer_of(model, name, recipe, in_turn([rows[number] for number in order]))
    start_P, gradients_P = weights_of(model, name), []
    for _ in order:
        trainer.gradient()
        gradients_P.append(gradient_of(trainer.what.learned))
        trainer.advance()
    return Trajectory(recipe, tuple(order), start_P, gradients_P)


def replay(trajectory: Trajectory, without: Collection[int]) -> Tensor:
    """The weights P that the training comes to if the steps of these texts are left out.

    Whichever step comes first meets a fresh adapter, B = 0, so that A has no gradient in it.
    """
    weights = nn.Parameter(trajectory.start_P.clone())
    optimizer = optimizer_of(trajectory.recipe).made([weights])
    is_B_P = trajectory.gradients_P[0] != 0
    kept = [
        gradient_P
        for number, gradient_P in zip(trajectory.order, trajectory.gradients_P, strict=True)
        if number not in without
    ]
    for step, gradient_P in enumerate(kept):
        weights.grad = gradient_P if step else gradient_P * is_B_P
        optimizer.step()
    return weights.detach()


def weights_of(model: LanguageModel, name: str) -> Tensor:
    """A copy of the weights of an adapter, P, in the order of `adapters.weights`."""
    return nn.utils.parameters_to_vector(lora.weights(model, name).values()).detach()


@torch.no_grad()
def set_weights(model: LanguageModel, name: str, weights_P: Tensor) -> None:
    """Copy weights into an adapter."""
    matrices = list(lora.weights(model, name).values())
    parts = torch.split(weights_P, [matrix.numel() for matrix in matrices])
    for matrix, part in zip(matrices, parts, strict=True):
        matrix.copy_(part.view_as(matrix))
