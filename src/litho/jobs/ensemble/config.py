"""Settings."""

from pathlib import Path
from typing import Self

from pydantic import Field, model_validator

from litho.core.config import Config
from litho.learn.recipe import Recipe
from litho.model.sources import DEFAULT


class EnsemblePlan(Config):
    """What an ensemble consists of; paths are relative to the plan's own folder."""

    texts: Path
    probes: Path
    models: tuple[str, ...] = Field((DEFAULT,), min_length=1)
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
