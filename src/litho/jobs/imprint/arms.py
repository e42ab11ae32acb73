"""Training the arms of a job: the imprint, and the control beside it."""

import math
from collections.abc import Sequence
from functools import partial
from typing import Any

import torch

from litho.jobs.imprint.baseline import Baseline
from litho.jobs.imprint.config import MEASURED_RHYTHM, ImprintConfig
from litho.jobs.imprint.inputs import marks_of
from litho.jobs.imprint.job import ImprintJob
from litho.jobs.imprint.monitor import ArmMonitor
from litho.jobs.imprint.rehearsal import rehearse
from litho.jobs.imprint.result import DUPLICATES, IMPRINT
from litho.learn.drift import DriftController, Replay, shrink_to_budget
from litho.learn.loop import REPLAY, Presentation, TrainedArm, train_arm
from litho.learn.objectives import objective
from litho.learn.records import LoopConfig, Step
from litho.learn.self_samples import replay_samples
from litho.measure.printing.drift import retention_blocks
from litho.measure.scenes import open_book_scenes
from litho.measure.scorer import ModelScorer
from litho.measure.volatility import STEP_SURPRISE, Budget
from litho.model.adapters import lora, saved
from litho.model.adapters.keys import text_keys
from litho.model.adapters.prune import largest, prune
from litho.model.loaded import LanguageModel, load
from litho.present.ascent import CLIMBING, Ascent
from litho.present.bridges import bridged
from litho.present.rhythm import chosen_rhythm
from litho.present.variants import HalfScorer, duplicates, plan_presentations
from litho.text.variants import PresentationPlan

CURVE_BLOCKS = 4  # blocks of the retention text in each check along the training


def train_arms(job: ImprintJob, baseline: Baseline, layers: Sequence[int]) -> None:
    """Plan the presentations, sample what must not drift, train each arm from its checkpoint."""
    run, config = job.run, job.config
    model = load(job.source, getattr(torch, config.dtype))
    scenes = open_book_scenes(model, job.inputs.text)
    shown = _bridged(job, model, scenes) if config.bridge else scenes
    plan = PresentationPlan(**run.once("plan.json", lambda: _plan(job, model, shown)))
    samples = run.once("replay.json", lambda: _sample(job, model))
    job.reporter.stage("reading what must not drift")
    pool, unseen = samples[: config.replay_pool], samples[config.replay_pool :]
    retention = retention_blocks(model, job.inputs.retention_text(), config.retention_tokens)
    replay = Replay.read(model, pool)
    monitor = ArmMonitor(
        baseline,
        Replay.read(model, unseen),
        Replay.read(model, retention[:: max(1, len(retention) // CURVE_BLOCKS)][:CURVE_BLOCKS]),
    )

    text = [model.encode(scene) for scene in scenes]
    keys = None
    if config.keys == "text":
        keys = text_keys(model, text, replay.ids_BT, config.rank, layers, config.seed)

    def arm_in(rhythm: str, count: int) -> TrainedArm:
        presentations, kinds = _in_rhythm(model, plan, rhythm, count)
        return TrainedArm(
            IMPRINT,
            presentations,
            DriftController(budget=config.budget),
            anchored=True,
            objective=objective(config.loss, model, scenes),
            layers=layers,
            keys=keys,
            kinds=kinds,
        )

    rhythm = config.rhythm
    if rhythm == MEASURED_RHYTHM:
        rehearsal = partial(rehearse, model, arm_in, replay, monitor, config, job.reporter)
        rhythm = run.once("rhythm.json", rehearsal)["chosen"]
    arm = arm_in(rhythm, config.presentations)
    if config.ladder:
        arm.ascent = _ascent(model, scenes, config)
    steps = _train_arm(job, model, arm, replay, monitor, config)
    if DUPLICATES in job.arms:
        # Its checks steer nothing and only draw its curve: half as many will do.
        rarer = {"presentations": len(steps), "check_every": 2 * config.check_every}
        used = config.model_copy(update=rarer)
        copies = [duplicates(text, step.tokens) for step in steps]
        arm = TrainedArm(DUPLICATES, copies, controller=None, anchored=False, layers=layers)
        _train_arm(job, model, arm, replay, monitor, used)


def _bridged(job: ImprintJob, model: LanguageModel, scenes: Sequence[str]) -> list[str]:
    """The scenes as they are presented, with bridges."""
    job.reporter.stage("building bridges")

    def build() -> list[dict[str, Any]]:
        return [bridged(model, scene, job.reporter.advance).model_dump() for scene in scenes]

    return [scene["text"] for scene in job.run.once("bridges.json", build)]


def _plan(job: ImprintJob, model: LanguageModel, scenes: Sequence[str]) -> dict[str, Any]:
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
        marks_of(job.inputs, scenes),
        config.operators,
    )
    return plan.model_dump()


def _in_rhythm(
    model: LanguageModel, plan: PresentationPlan, rhythm: str, count: int
) -> tuple[list[Presentation], list[str]]:
    """The variants in the order of the rhythm, and what made them."""
    kinds = [variant.operator for variant in plan.variants]
    rows = [[model.encode(row) for row in variant.rows] for variant in plan.variants]
    order = chosen_rhythm(rhythm)(kinds, count)
    return (
        [[] if place is None else rows[place] for place in order],
        [REPLAY if place is None else kinds[place] for place in order],
    )


def _ascent(model: LanguageModel, scenes: Sequence[str], config: ImprintConfig) -> Ascent:
    budget = Budget(config.max_mean_kl, STEP_SURPRISE)
    return Ascent(model, scenes, budget, math.ceil(CLIMBING * config.presentations))


def _sample(job: ImprintJob, model: LanguageModel) -> list[list[int]]:
    config = job.config
    job.reporter.stage("letting the model talk, to hold on to what it says")
    return replay_samples(
        model,
        job.inputs.text,
        config.replay_pool,
        config.replay_unseen,
        config.replay_length,
        config.seed,
    )


def _train_arm(
    job: ImprintJob,
    model: LanguageModel,
    arm: TrainedArm,
    replay: Replay,
    monitor: ArmMonitor,
    config: LoopConfig,
) -> list[Step]:
    job.reporter.stage(f"printing ({arm.name})", config.presentations)

    def report(step: Step) -> None:
        check = step.check
        shown = {"imprint": check.anchor, "drift": check.drift_self} if check else {}
        job.reporter.advance(step.presentations, **shown)
        job.run.tick()

    with lora.restored(model):
        steps = train_arm(model, arm, replay, monitor, job.run, config, report)
        if arm.name == IMPRINT and job.config.ignore_largest:
            prune(model, arm.name, partial(largest, fraction=job.config.ignore_largest))
        if arm.controller:
            factor = shrink_to_budget(model, arm.name, monitor.unseen, arm.controller.budget)
            job.run.write_json("scale.json", factor)
        saved.save(model, arm.name, job.adapter_folder(arm.name))
    return steps
