"""Many micro fine-tunes of texts, recipes, seeds and models, each done once and kept.

What a run says is a matrix: by how much the mean log-probability per target token of every question
rose, in nats, after each of some numbers of steps.
"""

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from itertools import product
from pathlib import Path
from typing import Any

import torch

from litho.core.errors import LithoError
from litho.core.reporter import Reporter
from litho.core.work import Executor, Result, WorkLedger, key_of
from litho.jobs.cost import HOUR, Cost
from litho.jobs.ensemble.config import EnsemblePlan
from litho.jobs.ensemble.cost import ensemble_cost
from litho.jobs.workers import ALONE, Workers
from litho.learn.recipe import train_and_ask
from litho.learn.records import Recipe
from litho.measure.printing.probes import score
from litho.model.loaded import LanguageModel
from litho.model.loading import load
from litho.model.placement import Placement, default_placement
from litho.model.sources import locate
from litho.model.state import State
from litho.text.items import NamedText, Question, questions_sha256

FORMAT = 2  # of a specification; a change of what a run means is a new one


@dataclass(frozen=True)
class Run:
    """One text, one recipe with its seed, one model."""

    model: str
    text: NamedText
    recipe: Recipe
    number: int  # of the recipe in the plan
    specification: dict[str, Any]


@dataclass(frozen=True)
class Piece:
    """A run as it can be sent to another process."""

    run: Run
    questions: tuple[Question, ...]
    placement: Placement

    def __call__(self) -> Result:
        """Train and ask. Raises LithoError if the model here is not the one that was meant."""
        measured, text = self.run.specification["measured"], self.run.text.text
        model = opened_same(self.run.model, self.run.specification["model"], self.placement)
        return train_and_ask(model, self.run.recipe, text, self.questions, measured)


_opened: dict[tuple[str, Placement], LanguageModel] = {}


def opened(name: str, placement: Placement) -> LanguageModel:
    """The model; one at a time is kept for the next run."""
    if (name, placement) not in _opened:
        _opened.clear()  # first the room, then the next one
        _opened[name, placement] = load(locate(name), placement)
    return _opened[name, placement]


def opened_same(name: str, sha256: str, placement: Placement) -> LanguageModel:
    """The model, if its weights here are those of where the work was sent from.

    Raises LithoError if they are not.
    """
    if locate(name).sha256() != sha256:
        raise LithoError(f"{name} has other weights here than where it was sent from")
    return opened(name, placement)


@dataclass(frozen=True)
class RunEffect:
    """What a run did to all questions after some steps."""

    run: Run
    step: int
    deltas: list[float]  # in the order of the questions, nats


@dataclass
class Ensemble:
    """A plan with what it is about, in a folder that holds its ledger."""

    plan: EnsemblePlan
    texts: Sequence[NamedText]
    questions: Sequence[Question]
    folder: Path
    reporter: Reporter
    ledger: WorkLedger = field(init=False)
    workers: Workers = ALONE
    placement: Placement = field(default_factory=lambda: default_placement(torch.float32))

    def __post_init__(self) -> None:
        self.ledger = WorkLedger(self.folder)

    def run(self) -> list[RunEffect]:
        """Do what is not in the ledger yet, together with whoever else works on it."""
        runs = list(self.runs())
        left = self._left(runs)
        with self._executor(left) as (executor, cost):
            bases = [self._before(name) for name in self.plan.models]
            self.reporter.stage(f"micro fine-tunes ({cost.described()})", len(runs))
            results = self._complete(runs, executor)
        before = dict(zip(self.plan.models, bases, strict=True))
        return [
            RunEffect(
                run, int(step), [a - b for a, b in zip(after, before[run.model], strict=True)]
            )
            for run, result in zip(runs, results, strict=True)
            for step, after in result["answers"].items()
        ]

    def check(self) -> None:
        """Raises LithoError if what is left of the plan takes longer than it may."""
        if self.plan.max_hours is not None:
            with self._executor(self._left(list(self.runs()))):
                pass

    def _left(self, runs: Sequence[Run]) -> list[Run]:
        known = self.ledger.known()
        return [run for run in runs if key_of(run.specification) not in known]

    @contextmanager
    def _executor(self, left: Sequence[Run]) -> Iterator[tuple[Executor, Cost]]:
        """What does the runs that are left, and what they take there.

        Raises LithoError if they take longer than they may.
        """
        alone = self._cost(left)
        each = alone.seconds / max(len(left), 1)
        with self.workers.executor(self.placement, each) as executor:
            at_once = executor.slots
            if self.workers.cluster is None:  # more processes than cores are no faster
                at_once = min(at_once, max(1, torch.get_num_threads()))
            cost = alone.model_copy(update={"seconds": alone.seconds / at_once})
            self._check(cost)
            yield executor, cost

    def _complete(self, runs: Sequence[Run], executor: Executor) -> list[Result]:
        pieces = [
            (run.specification, Piece(run, tuple(self.questions), self.placement)) for run in runs
        ]

        def report(done: int, latest: Result | None) -> None:
            self.reporter.advance(done, loss=latest["losses"][-1] if latest else None)

        return self.ledger.complete(pieces, report, executor)

    def runs(self) -> Iterator[Run]:
        """The grid, models outermost, so that each is loaded once; or a sample of it."""
        plan = self.plan
        grid = list(product(plan.models, enumerate(plan.recipes), plan.seeds, self.texts))
        if plan.sample is not None and plan.sample < len(grid):
            chosen = sorted(random.Random(0).sample(range(len(grid)), plan.sample))
            grid = [grid[i] for i in chosen]
        weights = {name: locate(name).sha256() for name in plan.models}
        for name, (number, recipe), seed, text in grid:
            recipe = recipe.model_copy(update={"seed": seed})
            specification = {
                "format": FORMAT,
                "model": weights[name],
                "text": text.sha256,
                "questions": self._asked,
                "recipe": recipe.model_dump(mode="json"),
                "measured": plan.steps_of(recipe),
                "placement": self.placement.described(),
            }
            yield Run(name, text, recipe, number, specification)

    @cached_property
    def _asked(self) -> str:
        return questions_sha256(self.questions)

    def _cost(self, left: Sequence[Run]) -> Cost:
        """Time and memory of what is left, in one process of this machine."""
        model = opened(self.plan.models[0], self.placement)
        trained = sum(run.recipe.steps * len(model.encode(run.text.text)) for run in left)
        asked = sum(
            len(model.encode(f"{question.prefix} {question.target}")) for question in self.questions
        )
        times = sum(len(self.plan.steps_of(run.recipe)) for run in left)
        return ensemble_cost(model, trained, asked * times, len(left))

    def _check(self, cost: Cost) -> None:
        """Raises LithoError if the plan takes longer than it may."""
        limit = self.plan.max_hours
        if limit is not None and cost.seconds > HOUR * limit:
            raise LithoError(
                f"the plan takes {cost.described()}, more than its max_hours of {limit:g}: draw a "
                "sample of it, or leave out recipes, seeds or texts"
            )

    def _before(self, name: str) -> list[float]:
        """What a model says to the questions before any training."""
        specification = {
            "format": FORMAT,
            "model": locate(name).sha256(),
            "questions": self._asked,
            "placement": self.placement.described(),
        }

        def work() -> Result:
            return {"answers": {"0": score(State(opened(name, self.placement)), self.questions)}}

        (result,) = self.ledger.complete([(specification, work)])
        return result["answers"]["0"]
