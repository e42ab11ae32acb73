"""What an imprint shows: versions of its pages in the order of a rhythm, and conversations."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle
from statistics import fmean
from typing import Any

from litho.jobs.imprint.check import marks_of
from litho.jobs.imprint.config import ImprintConfig
from litho.jobs.imprint.handbook import Steps, in_steps, planned
from litho.jobs.imprint.job import ImprintJob
from litho.jobs.imprint.talk import conversations_of, replies_in
from litho.learn.objectives import Rows, longest_row
from litho.learn.sources import REPLAY, Climbing, Planned, StepSource
from litho.measure.scorer import ModelScorer
from litho.measure.volatility import Budget
from litho.model.loaded import LanguageModel
from litho.model.read.scoring import Target
from litho.present.ascent import CLIMBING, Ascent
from litho.present.bridges import bridged
from litho.present.rhythm import chosen_rhythm
from litho.present.variants import HalfScorer, plan_presentations
from litho.text.questions import Conversation
from litho.text.variants import STEP_SURPRISE, PresentationPlan


@dataclass(frozen=True)
class Shown:
    """The printed pages: their scenes, their versions, and conversations about them."""

    model: LanguageModel
    config: ImprintConfig
    scenes: Sequence[Sequence[str]]
    plans: Sequence[PresentationPlan]
    talks: Sequence[Sequence[Sequence[Conversation]]]

    @classmethod
    def planned(cls, job: ImprintJob, model: LanguageModel) -> "Shown":
        """Make the versions and the conversations, each once in a run."""
        scenes, printed = job.scenes(model), job.inputs.printed
        return cls(
            model,
            job.config,
            [scenes[i] for i in printed],
            [_page_plan(job, model, i, scenes[i]) for i in printed],
            [conversations_of(job, model, i) for i in printed],
        )

    @property
    def texts(self) -> list[Rows]:
        """The pages as they stand, token ids by scene."""
        return [[self.model.encode(scene) for scene in parts] for parts in self.scenes]

    @property
    def at_once(self) -> float:
        """How many pages a step shows, on average."""
        return fmean(map(len, self.steps("spaced", 1)))

    def steps(self, rhythm: str, presentations: int) -> Steps:
        """So many presentations of every page in the order of a rhythm."""
        orders = [
            _in_rhythm(
                self.model, plan, rhythm, presentations, replies_in(self.model, about, self.config)
            )
            for plan, about in zip(self.plans, self.talks, strict=True)
        ]
        return in_steps(orders, presentations, self.config.step_tokens)

    def source(self, steps: Steps) -> StepSource:
        """The steps as a training takes them; behind the rungs of a ladder, if one is wanted."""
        if not self.config.ladder:
            return planned(steps)
        budget = Budget(self.config.max_mean_kl, STEP_SURPRISE)
        climbing = math.ceil(CLIMBING * self.config.presentations)
        return Climbing(Ascent(self.model, self.scenes[0], budget, climbing), planned(steps))


def _page_plan(
    job: ImprintJob, model: LanguageModel, number: int, scenes: Sequence[str]
) -> PresentationPlan:
    """The versions of a page, by its place."""
    longest = longest_row(job.config.loss, model, scenes)
    shown = _bridged(job, model, number, scenes, longest) if job.config.bridge else scenes
    name = job.of_page("plan.json", number)
    return PresentationPlan(**job.run.once(name, lambda: _plan(job, model, number, shown, longest)))


def _bridged(
    job: ImprintJob, model: LanguageModel, number: int, scenes: Sequence[str], longest: int
) -> list[str]:
    """The scenes as they are presented, with bridges."""
    job.reporter.stage("building bridges")

    def build() -> list[dict[str, Any]]:
        advance = job.reporter.advance
        return [bridged(model, scene, longest, advance).model_dump() for scene in scenes]

    return [scene["text"] for scene in job.run.once(job.of_page("bridges.json", number), build)]


def _plan(
    job: ImprintJob, model: LanguageModel, number: int, scenes: Sequence[str], longest: int
) -> dict[str, Any]:
    config = job.config
    job.reporter.stage("making variants", config.presentations)
    plan = plan_presentations(
        model,
        scenes,
        HalfScorer(ModelScorer(model), held_out=False),
        config.presentations,
        config.max_mean_kl,
        config.max_surprise,
        config.seed,
        job.reporter.advance,
        marks_of(job.inputs.pages[number], scenes),
        config.operators,
        longest,
    )
    return plan.model_dump()


def _in_rhythm(
    model: LanguageModel,
    plan: PresentationPlan,
    rhythm: str,
    count: int,
    replies: Sequence[Sequence[Target]],
) -> Planned:
    """The variants in the order of the rhythm, what made them, and the answers shown with them."""
    kinds = [variant.operator for variant in plan.variants]
    rows = [[model.encode(row) for row in variant.rows] for variant in plan.variants]
    order = chosen_rhythm(rhythm)(kinds, count)
    turns = cycle(replies or [()])
    return Planned(
        [[] if place is None else rows[place] for place in order],
        [REPLAY if place is None else kinds[place] for place in order],
        # A step on replay alone teaches no answers, and so they must not be counted either.
        [() if place is None else next(turns) for place in order],
    )
