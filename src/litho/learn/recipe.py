"""A micro fine-tune that means what it says: plain PEFT and AdamW, nothing besides."""

import time
from collections.abc import Collection, Iterable, Iterator, Sequence

import torch
from torch import Tensor, nn

from litho.core.errors import LithoError
from litho.core.work import Result
from litho.learn.optimizer import OptimizerSpec
from litho.learn.records import Recipe
from litho.learn.sources import StepSource, in_turn
from litho.learn.trainable import TrainedAdapter
from litho.learn.trainer import Trainer
from litho.measure.printing.probes import score, target_of
from litho.model.adapters import lora, targets
from litho.model.adapters.spec import AdapterSpec
from litho.model.loaded import LanguageModel
from litho.model.state import State
from litho.model.watch.capture import check_layer
from litho.text.items import NamedText, Question

TRAINED = "trained"  # name of the adapter of a run


def follow(
    model: LanguageModel,
    name: str,
    recipe: Recipe,
    ids: Sequence[int],
    strides: Sequence[int] | None = None,
) -> Iterator[tuple[int, float]]:
    """Train the adapter `name` on one text; yields as `follow_in_turn` does."""
    return follow_in_turn(model, name, recipe, [ids], strides)


def follow_in_turn(
    model: LanguageModel,
    name: str,
    recipe: Recipe,
    texts: Sequence[Sequence[int]],
    strides: Sequence[int] | None = None,
) -> Iterator[tuple[int, float]]:
    """Train the adapter `name`; yields how many of the recipe's steps are done and the loss.

    `texts`: token ids, a text a step, from the first again when all were read. The loss is that of
    the last gradient. Between two steps the model may be read in any state. `strides`: how many
    steps the optimizer takes along each gradient; none: one, which is the recipe itself.

    Raises LithoError if a text does not fit into the context or the training diverges.
    """
    longest = max(map(len, texts))
    if longest > model.context:
        raise LithoError(
            f"the text has {longest} tokens, but the model reads {model.context}: cut it up"
        )
    trainer = trainer_of(model, name, recipe, in_turn(texts))
    for stride in strides or (1,) * recipe.steps:
        loss = trainer.step(stride).loss
        assert loss is not None
        yield trainer.progress.done, loss


def check_inputs(
    model: LanguageModel, texts: Iterable[NamedText], questions: Iterable[Question]
) -> None:
    """Raises LithoError on a text that cannot be learned, or a probe that cannot be asked."""
    for text in texts:
        count = len(model.encode(text.text))
        if not 1 < count <= model.context:
            raise LithoError(
                f"the text {text.id!r} has {count} tokens, but from 2 to {model.context} are "
                f"needed by {model.source.name}"
            )
    for question in questions:
        target_of(model, question)


def trainer_of(model: LanguageModel, name: str, recipe: Recipe, source: StepSource) -> Trainer:
    """What trains the adapter `name` by a recipe."""
    return Trainer(TrainedAdapter(model, name), source, optimizer_of(recipe), recipe.steps)


def optimizer_of(recipe: Recipe) -> OptimizerSpec:
    """What trains the weights by a recipe."""
    return OptimizerSpec(recipe.learning_rate, recipe.optimizer, fused=True)


def train_and_ask(
    model: LanguageModel,
    recipe: Recipe,
    text: str,
    questions: Sequence[Question],
    measured: Collection[int],
) -> Result:
    """Follow a recipe on a text, as `read_and_ask` does on texts in turn."""
    return read_and_ask(model, recipe, [text], questions, measured)


def read_and_ask(
    model: LanguageModel,
    recipe: Recipe,
    texts: Sequence[str],
    questions: Sequence[Question],
    measured: Collection[int],
) -> Result:
    """Follow a recipe, a text a step, ask all questions after some numbers of steps, clean up.

    `answers` are mean log-probabilities per target token, by the number of steps; `losses` those
    before each step; `seconds` and `cpu_seconds` what it took.
    """
    losses, answers = [], {}
    began, worked = time.monotonic(), time.process_time()
    with lora.fresh(model, TRAINED, adapter_of(model, recipe)):
        encoded = [model.encode(text) for text in texts]
        for done, loss in follow_in_turn(model, TRAINED, recipe, encoded):
            losses.append(loss)
            if done in measured:
                answers[str(done)] = ask(model, questions)
    return {
        "answers": answers,
        "losses": losses,
        "seconds": time.monotonic() - began,
        "cpu_seconds": time.process_time() - worked,
    }


def ask(model: LanguageModel, questions: Sequence[Question]) -> list[float]:
    """What the model says to the questions with the adapter that is trained."""
    with lora.mixed_precision(model):
        return score(State(model, (TRAINED,)), questions)


def adapter_of(model: LanguageModel, recipe: Recipe) -> AdapterSpec:
    """The adapter that a recipe trains.

    Raises LithoError if the recipe names modules or layers that the model lacks.
    """
    _check_targets(model, recipe)
    return AdapterSpec(
        recipe.rank, recipe.alpha, recipe.seed, recipe.layers, kinds=recipe.target_modules
    )


def plainest(model: LanguageModel, recipe: Recipe) -> Recipe:
    """The same recipe for this model, with all layers or modules not written out.

    Raises LithoError if the recipe names modules or layers that the model lacks.
    """
    layers, kinds = recipe.layers, recipe.target_modules
    if layers is None and kinds is None:
        return recipe
    _check_targets(model, recipe)
    adapted = targets.target_modules(model, layers, kinds)
    if targets.target_modules(model, None, kinds) == adapted:
        layers = None
    if targets.target_modules(model, layers, None) == adapted:
        kinds = None
    return recipe.model_copy(
        update={
            "layers": None if layers is None else tuple(sorted(set(layers))),
            "target_modules": None if kinds is None else tuple(sorted(set(kinds))),
        }
    )


def gradient_of(weights: Iterable[nn.Parameter]) -> Tensor:
    """The gradients that were left in weights, one behind the other; a copy."""
    return torch.cat([weight.grad.flatten() for weight in weights if weight.grad is not None])


def _check_targets(model: LanguageModel, recipe: Recipe) -> None:
    for layer in recipe.layers or ():
        check_layer(model, layer)
    there = {name.rpartition(".")[2] for name in targets.target_modules(model)}
    if absent := set(recipe.target_modules or ()) - there:
        raise LithoError(
            f"the model has no linear layer called {min(absent)!r}: there are "
            f"{', '.join(sorted(there))}"
        )
    if not targets.target_modules(model, recipe.layers, recipe.target_modules):
        raise LithoError("no linear layer is left to adapt: name more layers or modules")
