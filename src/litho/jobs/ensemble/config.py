"""The plan of an ensemble and what it is about."""

from collections.abc import Sequence
from pathlib import Path
from typing import Self

from pydantic import Field, model_validator

from litho.core.config import Config, load_config
from litho.jobs import DEFAULT_MODEL
from litho.jobs.spec import DEFAULT_DEVICE, Device, Spec
from litho.learn.records import Recipe
from litho.text.items import NamedText, Question, read_questions, read_texts


class EnsemblePlan(Config):
    """What an ensemble consists of; paths are relative to the plan's own folder."""

    texts: Path
    probes: Path
    models: tuple[str, ...] = Field((DEFAULT_MODEL,), min_length=1)
    recipes: tuple[Recipe, ...] = Field((Recipe(),), min_length=1)
    seeds: tuple[int, ...] = Field((0, 1), min_length=1)  # instead of the recipes' own
    measure_at: tuple[int, ...] = ()  # steps after which questions are asked; none: at the end
    sample: int | None = Field(None, ge=1)  # runs drawn at random from the grid; None: all
    max_hours: float | None = Field(None, gt=0)  # refuse a plan that takes longer

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


def read_plan(
    file: Path, assignments: Sequence[str] = (), device: Device = DEFAULT_DEVICE
) -> EnsembleSpec:
    """A plan from a YAML file, and what lies beside it.

    Raises LithoError that names the setting, or the line of a text or question, that is wrong.
    """
    plan = load_config(EnsemblePlan, file, assignments)
    return EnsembleSpec(
        texts=tuple(read_texts(file.parent / plan.texts)),
        questions=tuple(read_questions(file.parent / plan.probes)),
        config=plan,
        device=device,
    )
