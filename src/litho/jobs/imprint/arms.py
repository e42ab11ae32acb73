"""Training the arms of a job: the imprint, and the control beside it."""

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor

from litho.jobs.imprint.baseline import Baseline
from litho.jobs.imprint.check import marks_of
from litho.jobs.imprint.config import MEASURED_RHYTHM, ImprintConfig
from litho.jobs.imprint.handbook import (
    Steps,
    as_duplicates,
    in_steps,
    planned,
    ranks_of,
    slices_of,
    tokens_of,
    windows,
)
from litho.jobs.imprint.job import EARLIER, ImprintJob
from litho.jobs.imprint.monitor import ArmMonitor
from litho.jobs.imprint.onto import SLICES
from litho.jobs.imprint.rehearsal import rehearse
from litho.jobs.imprint.result import DUPLICATES, IMPRINT
from litho.jobs.imprint.talk import conversations_of, everyday_talk, replies_in
from litho.learn.drift import DriftController, DriftGuard, Replay, UnreadReplay
from litho.learn.earlier import EarlierGuard, EarlierPages
from litho.learn.loop import train_arm
from litho.learn.objectives import Objective, all_tokens, objective
from litho.learn.optimizer import OptimizerSpec
from litho.learn.prose import prose_rows
from litho.learn.records import LoopConfig, Step
from litho.learn.self_samples import replay_samples
from litho.learn.sources import REPLAY, Climbing, Planned, StepSource
from litho.learn.trainable import TrainedAdapter
from litho.learn.trainer import Trainer
from litho.measure.printing.drift import retention_blocks
from litho.measure.scorer import ModelScorer
from litho.measure.volatility import Budget
from litho.model.adapters import lora, saved
from litho.model.adapters.keys import page_keys
from litho.model.adapters.prune import largest, prune
from litho.model.adapters.slices import factors_in
from litho.model.adapters.spec import AdapterSpec
from litho.model.adapters.tokenwise import mlp_kinds
from litho.model.loaded import LanguageModel
from litho.model.placement import HOST
from litho.model.read.scoring import Target
from litho.present.ascent import CLIMBING, Ascent
from litho.present.bridges import bridged
from litho.present.rhythm import chosen_rhythm
from litho.present.variants import HalfScorer, plan_presentations
from litho.text.variants import STEP_SURPRISE, PresentationPlan

# Share of the unseen rows, those that drift least, that count: some passages are near any text.
FAR = 0.75
OTHERS = 3  # of so many held rows one counts in the keys' C: one passage of each kind of writing
CURVE_BLOCKS = 4  # blocks of the retention text in each check along the training


def train_arms(job: ImprintJob, baseline: Baseline, layers: Sequence[int]) -> None:
    """Plan the presentations, sample what must not drift, train each arm from its checkpoint."""
    model, config, onto = job.model(job.config.dtype), job.config, job.inputs.onto
    printed = job.inputs.printed
    scenes = {i: parts for i, parts in enumerate(job.scenes(model)) if i in printed}
    plans = [_page_plan(job, model, i, parts) for i, parts in scenes.items()]
    talks = [conversations_of(job, model, i) for i in printed]
    held, unseen = _held(job, model)
    job.reporter.stage("reading what must not drift")
    retention = retention_blocks(model, job.inputs.retention_text(), config.retention_tokens)
    replay = UnreadReplay.of(held)
    carried = factors_in(job.earlier_folder) if onto else None
    kinds = carried.kinds if carried else _kinds(model, config)
    monitor = ArmMonitor(
        baseline,
        Replay.read(model, unseen, FAR if config.replay != "samples" else 1.0),
        Replay.read(model, retention[:: max(1, len(retention) // CURVE_BLOCKS)][:CURVE_BLOCKS]),
    )

    texts = [[model.encode(scene) for scene in parts] for parts in scenes.values()]
    ranks = ranks_of(config.rank, len(job.inputs.pages), len(printed))
    alone = config.widened(sum(ranks)) if config.keys == "text" else config
    whole, keys, earlier = alone, None, None
    if config.keys == "text":
        others_BT = _avoided(job, model, replay)
        keys = page_keys(model, texts, others_BT, ranks, layers, config.seed, kinds)
    if onto and carried and keys:
        keys, whole = carried.joined(keys), config.widened(onto.rank + sum(ranks))
        saved.load(model, EARLIER, job.earlier_folder)
        earlier = EarlierPages(EARLIER, onto.rank, _earlier_rows(job, model))
    job.run.once(SLICES, lambda: slices_of(job.inputs, ranks))
    asked = objective(config.loss, model, [scene for parts in scenes.values() for scene in parts])

    def imprinting(source: StepSource, used: LoopConfig) -> AbstractContextManager[Trainer]:
        controller = DriftController(budget=config.budget)
        held = replay, controller, used.replay_rows, used.seed
        guard = EarlierGuard(*held, earlier) if earlier else DriftGuard(*held)
        begun = carried.scaled_by(used.alpha / used.rank) if carried else None
        return _trainer(model, IMPRINT, source, used, layers, kinds, keys, begun, asked, guard)

    def steps_in(rhythm: str, presentations: int) -> Steps:
        orders = [
            _in_rhythm(model, plan, rhythm, presentations, replies_in(model, about, config))
            for plan, about in zip(plans, talks, strict=True)
        ]
        return in_steps(orders, presentations, config.step_tokens)

    def in_rhythm(rhythm: str, used: LoopConfig) -> AbstractContextManager[Trainer]:
        return imprinting(planned(steps_in(rhythm, used.presentations)), used)

    rhythm = config.rhythm
    if rhythm == MEASURED_RHYTHM:
        rehearsal = partial(rehearse, in_rhythm, monitor, whole, job.reporter)
        rhythm = job.run.once("rhythm.json", rehearsal)["chosen"]
    shown = steps_in(rhythm, config.presentations)
    source: StepSource = planned(shown)
    if config.ladder:
        source = Climbing(_ascent(model, scenes[printed[0]], config), source)
    with imprinting(source, whole.model_copy(update={"presentations": len(shown)})) as trainer:
        steps = _train_arm(job, trainer, IMPRINT, monitor, whole)
    if DUPLICATES in job.arms:
        # Its checks steer nothing and only draw its curve: half as many will do.
        rarer = {"presentations": len(steps), "check_every": 2 * config.check_every}
        rarely = alone.model_copy(update=rarer)
        tokens = tokens_of(shown) if len(printed) > 1 else [{0: step.tokens} for step in steps]
        copies = as_duplicates(tokens[: len(steps)], texts)
        with _trainer(model, DUPLICATES, copies, rarely, layers, kinds) as trainer:
            _train_arm(job, trainer, DUPLICATES, monitor, rarely)


def _kinds(model: LanguageModel, config: ImprintConfig) -> tuple[str, ...] | None:
    """What names of the layers with an adapter end in; None: those of all."""
    return mlp_kinds(model) or None if config.modules == "mlp" else None


def _avoided(job: ImprintJob, model: LanguageModel, replay: UnreadReplay) -> Tensor:
    """Rows to which keys are not to answer: those of the drift term, and of earlier pages."""
    if job.inputs.onto is None:
        return replay.ids_BT[::OTHERS]
    return torch.cat([replay.ids_BT[::OTHERS], _earlier_rows(job, model)])


def _earlier_rows(job: ImprintJob, model: LanguageModel) -> Tensor:
    """The pages that the adapter carries already, in rows as long as those of the drift term."""
    earlier = job.inputs.pages[: job.inputs.printed.start]
    length = job.config.replay_length
    rows = [row for page in earlier for row in windows(model, page.text, length)]
    return torch.tensor(rows, device=HOST)


@contextmanager
def _trainer(
    model: LanguageModel,
    arm: str,
    source: StepSource,
    config: LoopConfig,
    layers: Sequence[int],
    kinds: tuple[str, ...] | None,
    keys: Mapping[str, Tensor] | None = None,
    begun: Mapping[str, Tensor] | None = None,
    asked: Objective = all_tokens,
    guard: DriftGuard | None = None,
) -> Iterator[Trainer]:
    """What trains a fresh adapter called like its arm."""
    spec = AdapterSpec(config.rank, config.alpha, config.seed, tuple(layers), kinds, keys, begun)
    with lora.fresh(model, arm, spec):
        yield Trainer(
            TrainedAdapter(model, arm),
            source,
            OptimizerSpec.of(config),
            config.presentations,
            config.micro_tokens,
            asked,
            guard,
        )


def _page_plan(
    job: ImprintJob, model: LanguageModel, number: int, scenes: Sequence[str]
) -> PresentationPlan:
    """The versions of a page, by its place."""
    shown = _bridged(job, model, number, scenes) if job.config.bridge else scenes
    name = job.of_page("plan.json", number)
    return PresentationPlan(**job.run.once(name, lambda: _plan(job, model, number, shown)))


def _bridged(
    job: ImprintJob, model: LanguageModel, number: int, scenes: Sequence[str]
) -> list[str]:
    """The scenes as they are presented, with bridges."""
    job.reporter.stage("building bridges")

    def build() -> list[dict[str, Any]]:
        return [bridged(model, scene, job.reporter.advance).model_dump() for scene in scenes]

    return [scene["text"] for scene in job.run.once(job.of_page("bridges.json", number), build)]


def _plan(
    job: ImprintJob, model: LanguageModel, number: int, scenes: Sequence[str]
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
    return Planned(
        [[] if place is None else rows[place] for place in order],
        [REPLAY if place is None else kinds[place] for place in order],
        replies,
    )


def _ascent(model: LanguageModel, scenes: Sequence[str], config: ImprintConfig) -> Ascent:
    budget = Budget(config.max_mean_kl, STEP_SURPRISE)
    return Ascent(model, scenes, budget, math.ceil(CLIMBING * config.presentations))


def _held(job: ImprintJob, model: LanguageModel) -> tuple[list[list[int]], list[list[int]]]:
    """Rows on which the model is held to its base, and others that show whether that suffices."""
    config = job.config
    held, unseen = list[list[int]](), list[list[int]]()
    if config.replay != "samples":
        held, unseen = prose_rows(model, config.replay_length)
    if config.replay != "prose":
        samples = job.run.once("replay.json", lambda: _sample(job, model))
        held, unseen = held + samples[: config.replay_pool], unseen + samples[config.replay_pool :]
    held += everyday_talk(job, model)
    return held, unseen


def _sample(job: ImprintJob, model: LanguageModel) -> list[list[int]]:
    config = job.config
    job.reporter.stage("letting the model talk, to hold on to what it says")
    return replay_samples(
        model,
        "\n\n".join(job.inputs.pages[i].text for i in job.inputs.printed),
        config.replay_pool,
        config.replay_unseen,
        config.replay_length,
        config.seed,
    )


def _train_arm(
    job: ImprintJob, trainer: Trainer, arm: str, monitor: ArmMonitor, config: LoopConfig
) -> list[Step]:
    """Train an arm to its end and save its adapter."""
    job.reporter.stage(f"printing ({arm})", trainer.progress.last)

    def report(step: Step) -> None:
        check = step.check
        shown = {"imprint": check.anchor, "drift": check.drift_self} if check else {}
        job.reporter.advance(step.presentations, **shown)
        job.run.tick()

    model = trainer.what.state.model
    steps = train_arm(trainer, arm, monitor, job.run, config, arm == IMPRINT, report)
    if arm == IMPRINT and job.config.ignore_largest:
        prune(model, arm, partial(largest, fraction=job.config.ignore_largest))
    if trainer.guard:
        job.run.write_json("scale.json", trainer.guard.shrink(model, arm, monitor.unseen))
    saved.save(model, arm, job.adapter_folder(arm))
    return steps
