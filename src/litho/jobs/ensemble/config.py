"""The plan of an ensemble and what it is about."""

from collections.abc import Sequence
from pathlib import Path
from typing import Self

from pydantic import Field, model_validator

from litho.core.config import Config, load_config
from litho.jobs import DEFAULT_MODEL
from litho.jobs.spec import DEFAULT_DEVICE, Device, Spec, model_beside
from litho.learn.records import Recipe
from litho.text.items import NamedText, Question, read_questions, read_texts


class EnsemblePlan(Config):
    """What an ensemble consists of; paths are relative to the plan's own folder."""

    texts: Path
    """JSONL file of texts: `{"id": "...", "text": "..."}` per line."""
    probes: Path
    """JSONL file of questions: `{"id": "...", "prefix": "...", "target": "..."}` per line."""
    models: tuple[str, ...] = Field((DEFAULT_MODEL,), min_length=1)
    """Models, named as for `--model`."""
    recipes: tuple[Recipe, ...] = Field((Recipe(),), min_length=1)
    """How each text is trained on; see the settings of a recipe."""
    seeds: tuple[int, ...] = Field((0, 1), min_length=1)
    """Seeds of every recipe; they replace the recipe's own."""
    measure_at: tuple[int, ...] = ()
    """Steps after which the questions are asked; empty: after the last."""
    sample: int | None = Field(None, ge=1)
    """Number of runs drawn at random from all combinations; none: all of them."""
    max_hours: float | None = Field(None, gt=0)
    """A plan that is estimated to take longer is refused; none: no limit."""

    @model_validator(mode="after")
    def _measured_within(self) -> Self:
        shortest = min(recipe.steps for recipe in self.recipes)
        if any(not 1 <= step <= shortest for step in self.measure_at):
            raise ValueError(f"measure_at must lie between 1 and {shortest} steps")
        return self

    def steps_of(self, recipe: Recipe) -> tuple[int, ...]:
        return tuple(sorted(set(self.measure_at))) or (recipe.steps,)


class EnsembleSpec(Spec):
    """A plan with its texts and questions."""

    texts: tuple[NamedText, ...]
    questions: tuple[Question, ...]
    config: EnsemblePlan

    def models(self) -> dict[str, str]:
        first, *others = self.config.models
        return {"model": first} | {f"model {n}": name for n, name in enumerate(others, 2)}

    def pinned(self) -> Self:
        from litho.model.sources import locate

        models = tuple(locate(name).pinned for name in self.config.models)
        config = self.config.model_copy(update={"models": models})
        return self.model_copy(update={"config": config})


def read_plan(
    file: Path, assignments: Sequence[str] = (), device: Device = DEFAULT_DEVICE
) -> EnsembleSpec:
    """A plan from a YAML file, and what lies beside it.

    Raises LithoError that names the setting, or the line of a text or question, that is wrong.
    """
    plan = load_config(EnsemblePlan, file, assignments)
    models = tuple(model_beside(file.parent, name) for name in plan.models)
    return EnsembleSpec(
        texts=tuple(read_texts(file.parent / plan.texts)),
        questions=tuple(read_questions(file.parent / plan.probes)),
        config=plan.model_copy(update={"models": models}),
        device=device,
    )
