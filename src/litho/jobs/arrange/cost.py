"""What it will cost, estimated before it begins."""

from litho.jobs.arrange.config import ArrangeSpec
from litho.jobs.cost import Cost
from litho.jobs.ensemble.cost import ensemble_cost
from litho.jobs.predict.first_order import bends
from litho.measure.printing.probes import target_of
from litho.model.adapters import targets
from litho.model.loaded import LanguageModel


def arrange_cost(model: LanguageModel, spec: ArrangeSpec) -> tuple[Cost, float]:
    """Time and memory of all trainings and of the filter, and the seconds of one training.

    A sequence is taken to read documents of the usual length.
    """
    plan, count = spec.config, spec.trainings
    tokens = sum(len(model.encode(text.text)) for text in spec.texts)
    asked = sum(len(target_of(model, question).ids) for question in spec.questions)
    read = plan.steps * tokens // len(spec.texts)
    gradients = 1 + bends(plan.steps)
    trained = count * read + gradients * tokens
    cost = ensemble_cost(model, trained, (count + 1) * asked, count)
    directions = gradients * len(spec.texts) * _trained_weights(model, spec)  # a byte each
    gib = cost.gib + directions / 2**30
    return Cost(seconds=cost.seconds, gib=gib), cost.seconds / count


def _trained_weights(model: LanguageModel, spec: ArrangeSpec) -> int:
    """Of the matrices B of the adapter, at most."""
    recipe = spec.config.recipe
    names = targets.target_modules(model, recipe.layers, recipe.target_modules)
    layers = [model.unwrapped.get_submodule(name) for name in names]
    return recipe.rank * sum(max(layer.weight.shape) for layer in layers)
