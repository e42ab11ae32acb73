"""What an evolution of documents starts from; no torch."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Self

import yaml
from pydantic import AfterValidator, Field

from litho.core.config import Config, load_config
from litho.core.encoding import read_utf8
from litho.core.errors import LithoError
from litho.jobs import DEFAULT_MODEL
from litho.jobs.evolve.race import rising, trials_of
from litho.jobs.spec import DEFAULT_DEVICE, Device, Spec, model_beside
from litho.learn.records import Recipe
from litho.text.items import NamedText, Question, read_questions, read_texts


class ArrangePlan(Config):
    """Documents, probes, a model, and how sequences are searched; paths are from the plan's folder.

    A sequence names the document of each step.
    """

    texts: Path
    """JSONL file of documents: `{"id": "...", "text": "..."}` per line."""
    probes: Path
    """JSONL file of questions: `{"id": "...", "prefix": "...", "target": "..."}` per line, four or
    more; those about the same thing with the same `"group"`."""
    model: str = DEFAULT_MODEL
    """The model, named as for `--model`."""
    steps: int = Field(24, ge=1)
    """Readings: each optimizer step reads one document."""
    recipe: Recipe = Recipe()
    """How documents are trained on; `steps` and `seed` of the recipe are replaced."""
    generations: int = Field(3, ge=1)
    """Generations; the first holds the documents in the order of the file, again and again."""
    size: int = Field(6, ge=2)
    """Sequences that are tried in a generation."""
    rungs: Annotated[tuple[int, ...], AfterValidator(rising)] = (1, 2)
    """Seeds with which a sequence has been tried when it reaches a rung of the race; of those on
    one rung a third goes on to the next."""
    pool: int = Field(4, ge=1)
    """So many times as many children are drawn as are tried: those whose prediction is best."""
    random_search: bool = True
    """Whether as many trainings are spent on sequences by chance, to compare with."""
    finalists: int = Field(2, ge=1)
    """The best sequences, which are tried again on fresh seeds."""
    fresh: int = Field(4, ge=2)
    """Fresh seeds for the finalists and what they are compared with."""
    seed: int = Field(0, ge=0)
    """Seed of everything that is drawn at random."""

    @property
    def searched(self) -> int:
        """Sequences that a search tries."""
        return self.generations * self.size

    def recipe_of(self, seed: int) -> Recipe:
        """The recipe of a training with a seed."""
        return self.recipe.model_copy(update={"steps": self.steps, "seed": seed})


class ArrangeSpec(Spec):
    """A plan with its documents and questions."""

    source: str  # what the plan is called
    texts: tuple[NamedText, ...]
    questions: tuple[Question, ...]
    config: ArrangePlan

    def models(self) -> dict[str, str]:
        return {"model": self.config.model}

    def pinned(self) -> Self:
        from litho.model.sources import locate

        model = locate(self.config.model).pinned
        return self.model_copy(update={"config": self.config.model_copy(update={"model": model})})

    @property
    def are_all_tried(self) -> bool:
        """Whether there are so few sequences that a search tries each of them."""
        return len(self.texts) ** self.config.steps <= self.config.searched

    @property
    def searches_by_chance(self) -> bool:
        return self.config.random_search and not self.are_all_tried

    @property
    def trainings(self) -> int:
        """Trainings in all, at most: both searches, and everyone on fresh seeds."""
        plan, searches = self.config, 2 if self.searches_by_chance else 1
        # Besides the finalists: as given, shuffled, the best of them shuffled, by chance.
        entrants = plan.finalists + 2 + searches
        one = plan.generations * trials_of(plan.size, plan.rungs)
        return searches * one + plan.fresh * entrants


def plans_documents(file: Path) -> bool:
    """Whether a YAML file is a plan of documents; a genome, or what cannot be read, is none.

    Raises LithoError if there is no such file.
    """
    try:
        values = yaml.safe_load(read_utf8(file))
    except (yaml.YAMLError, ValueError, RecursionError):
        return False
    return isinstance(values, dict) and "genome" not in values and "texts" in values


def read_arrange_plan(
    file: Path, assignments: Sequence[str] = (), device: Device = DEFAULT_DEVICE
) -> ArrangeSpec:
    """A plan from a YAML file, and what lies beside it.

    Raises LithoError that names the setting, or the line of a document or probe, that is wrong, and
    where nothing is left to recombine.
    """
    plan = load_config(ArrangePlan, file, assignments)
    spec = ArrangeSpec(
        source=file.name,
        texts=tuple(read_texts(file.parent / plan.texts)),
        questions=tuple(read_questions(file.parent / plan.probes)),
        config=plan.model_copy(update={"model": model_beside(file.parent, plan.model)}),
        device=device,
    )
    check_recombines(spec)
    return spec


def check_recombines(spec: ArrangeSpec) -> None:
    """Raises LithoError where order and amount leave nothing to recombine."""
    if len(spec.texts) < 2:
        raise LithoError("one document leaves nothing to recombine: give two or more in texts")
    if spec.config.steps < 2:
        raise LithoError("one step leaves nothing to recombine: set steps to 2 or more")
