"""Training the adapter of a job, and its control, within the budget of drift."""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from litho.core.reporter import Reporter
from litho.core.runs import RunDirectory
from litho.jobs.trails.config import PrintConfig, PrintSpec, TrailObjective
from litho.jobs.trails.mixture import Mixture, untouched_chains
from litho.jobs.trails.monitor import TrailMonitor
from litho.jobs.trails.pairs import PairPlan
from litho.jobs.trails.result import ADAPTER, CONTROL, TEACHER
from litho.learn.answers import LastTokens
from litho.learn.drift import DriftController, DriftGuard, Replay, UnreadReplay
from litho.learn.loop import train_arm
from litho.learn.objectives import Objective, all_tokens
from litho.learn.optimizer import OptimizerSpec
from litho.learn.prose import prose_rows
from litho.learn.records import Step
from litho.learn.routing import Heads, Routing, choose_heads
from litho.learn.teaching import Taught
from litho.learn.trainable import TrainedAdapter
from litho.learn.trainer import Trainer
from litho.measure.printing.drift import retention_blocks
from litho.model.adapters import lora, saved
from litho.model.adapters.channels import channel_kinds, equal_rank
from litho.model.adapters.spec import AdapterSpec
from litho.model.loaded import LanguageModel

FAR = 0.75  # as in the main job: some passages are near any text
CURVE_BLOCKS = 4  # blocks of the retention text in each check
CHOSEN_BY = 2  # pairs of each form, by which the heads of `routing` are chosen
ANSWER = 0.1  # of the cross-entropy, in `routing+answer`
STILL_FROM = 0.5  # of the training: from here on it may end where nothing improves


@dataclass(frozen=True)
class Printing:
    """What the arms of a job have in common."""

    run: RunDirectory
    spec: PrintSpec
    reporter: Reporter

    @property
    def config(self) -> PrintConfig:
        return self.spec.config

    @property
    def arms(self) -> list[str]:
        teacher = [TEACHER] if self.config.objective == "teacher" else []
        return [*teacher, ADAPTER] + ([CONTROL] if self.config.control == "shuffled" else [])

    def folder(self, arm: str) -> Path:
        return self.run.path / ("adapter" if arm == ADAPTER else f"controls/{arm}")


def adapter_spec(model: LanguageModel, config: PrintConfig) -> AdapterSpec:
    """An adapter on the chosen channels, with as many weights as one on all would have."""
    kinds = channel_kinds(model, config.channels)
    rank = equal_rank(model, kinds, config.rank)
    alpha = max(1, round(config.alpha * rank / config.rank))
    return AdapterSpec(rank, alpha, config.seed, kinds=kinds)


def train_arms(job: Printing, model: LanguageModel) -> None:
    """Train each arm from its checkpoint to its end and save its adapter."""
    config = job.config
    held, unseen = prose_rows(model, config.replay_length)
    job.reporter.stage("reading what must not drift")
    retention = retention_blocks(model, job.spec.retention_text(), config.retention_tokens)
    plan = PairPlan(job.spec.library, model, f"{config.seed} curve")
    monitor = TrailMonitor(
        plan.cells(config.curve_pairs),
        Replay.read(model, unseen, FAR),
        Replay.read(model, retention[:: max(1, len(retention) // CURVE_BLOCKS)][:CURVE_BLOCKS]),
        round(STILL_FROM * config.presentations),
    )
    replay = UnreadReplay.of(held)
    for arm in job.arms:
        if not job.folder(arm).exists():
            own = config.model_copy(update=_OTHERWISE.get(arm, {}))
            if own.objective == "teacher":
                saved.load(model, TEACHER, job.folder(TEACHER))
            mixture = Mixture(plan, own)
            guard = DriftGuard(
                replay, DriftController(budget=config.budget), config.replay_rows, config.seed
            )
            objective = _objective(job, model, mixture, plan, own.objective)
            with _trainer(model, arm, mixture, own, guard, objective) as trainer:
                _train(job, trainer, arm, monitor)


# What is set otherwise for the arms that are compared with, or learned from.
_OTHERWISE = {CONTROL: {"shown": CONTROL}, TEACHER: {"objective": "answer", "channels": "all"}}


def _objective(
    job: Printing, model: LanguageModel, mixture: Mixture, plan: PairPlan, asked: TrailObjective
) -> Objective:
    if asked == "teacher":
        return Taught(TEACHER, mixture.note)
    if asked == "text":
        return all_tokens
    if asked == "answer":
        return LastTokens(mixture.note)

    def choose() -> dict[str, list[float]]:
        random_heads = job.config.heads == "random"
        chance = random.Random(f"{job.config.seed} heads") if random_heads else None
        with model.state(None):
            return asdict(choose_heads(model, *untouched_chains(plan, CHOSEN_BY), chance))

    heads = Heads(**job.run.once("heads.json", choose))
    answer = ANSWER if asked == "routing+answer" else 0.0
    return Routing(heads, mixture.pointers, mixture.note, answer)


@contextmanager
def _trainer(
    model: LanguageModel,
    arm: str,
    mixture: Mixture,
    config: PrintConfig,
    guard: DriftGuard,
    objective: Objective,
) -> Iterator[Trainer]:
    with lora.fresh(model, arm, adapter_spec(model, config)):
        yield Trainer(
            TrainedAdapter(model, arm),
            mixture,
            OptimizerSpec.of(config),
            config.presentations,
            config.micro_tokens,
            objective,
            guard,
        )


def _train(job: Printing, trainer: Trainer, arm: str, monitor: TrailMonitor) -> None:
    job.reporter.stage(f"printing ({arm})", job.config.presentations)
    model = trainer.what.state.model
    train_arm(trainer, arm, monitor, job.run, job.config, arm == ADAPTER, _reported(job))
    assert trainer.guard
    scale = trainer.guard.shrink(model, arm, monitor.unseen)
    job.run.write_json(f"scale-{arm}.json", scale)
    saved.save(model, arm, job.folder(arm))


def _reported(job: Printing) -> Callable[[Step], None]:
    def report(step: Step) -> None:
        check = step.check
        shown = {"loss": step.loss}
        if check:
            shown = {cell: check.cells.get(cell) for cell in "FWN"} | {"drift": check.drift_self}
        job.reporter.advance(step.presentations, **shown)
        job.run.tick()

    return report
