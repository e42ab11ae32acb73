"""Training the arms of a job: the imprint, and the control beside it."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial

from torch import Tensor

from litho.jobs.imprint.adapters import Adapters
from litho.jobs.imprint.baseline import Baseline
from litho.jobs.imprint.config import MEASURED_RHYTHM
from litho.jobs.imprint.handbook import Steps, as_duplicates, planned, slices_of, tokens_of
from litho.jobs.imprint.held import Held
from litho.jobs.imprint.job import EARLIER, ImprintJob
from litho.jobs.imprint.monitor import ArmMonitor
from litho.jobs.imprint.onto import SLICES
from litho.jobs.imprint.rehearsal import rehearse
from litho.jobs.imprint.result import DUPLICATES, IMPRINT
from litho.jobs.imprint.shown import Shown
from litho.learn.drift import DriftGuard
from litho.learn.loop import train_arm
from litho.learn.objectives import Objective, all_tokens, objective
from litho.learn.optimizer import OptimizerSpec
from litho.learn.records import LoopConfig, Step
from litho.learn.sources import StepSource
from litho.learn.trainable import TrainedAdapter
from litho.learn.trainer import Trainer
from litho.model.adapters import lora, saved
from litho.model.adapters.prune import largest, prune
from litho.model.adapters.spec import AdapterSpec
from litho.model.loaded import LanguageModel


@dataclass(frozen=True)
class Imprinting:
    """What all trainings of the pages have in common: that of the run, and rehearsals."""

    model: LanguageModel
    shown: Shown
    held: Held
    adapters: Adapters
    keys: Mapping[str, Tensor] | None
    asked: Objective

    def trainer(self, source: StepSource, config: LoopConfig) -> AbstractContextManager[Trainer]:
        """What trains a fresh adapter of the pages on a source of steps."""
        spec = self.adapters.of_imprint(config, self.keys)
        guard = self.held.guard(config, self.shown.at_once)
        return _trainer(self.model, IMPRINT, spec, source, config, self.asked, guard)

    def in_rhythm(self, rhythm: str, config: LoopConfig) -> AbstractContextManager[Trainer]:
        """What trains one on the versions in the order of a rhythm."""
        return self.trainer(planned(self.shown.steps(rhythm, config.presentations)), config)


def train_arms(job: ImprintJob, baseline: Baseline, layers: Sequence[int]) -> None:
    """Plan the presentations, sample what must not drift, train each arm from its checkpoint."""
    model = job.model(job.config.dtype)
    shown, held = Shown.planned(job, model), Held.sampled(job, model)
    adapters = Adapters.planned(job, model, layers)
    job.reporter.stage("reading what must not drift")
    monitor = held.monitor(model, baseline)
    keys = adapters.keys(model, shown.texts, held.avoided_BT)
    if held.earlier:  # not before: keys are read on a model without adapters
        saved.load(model, EARLIER, job.earlier_folder)
    job.run.once(SLICES, lambda: slices_of(job.inputs, adapters.ranks))
    scenes = [scene for page in shown.scenes for scene in page]
    asked = objective(job.config.loss, model, scenes)
    imprinting = Imprinting(model, shown, held, adapters, keys, asked)

    steps = shown.steps(_rhythm(job, imprinting, monitor), job.config.presentations)
    done = _train_imprint(job, imprinting, monitor, steps)
    if DUPLICATES in job.arms:
        _train_control(job, imprinting, monitor, steps, done)


def _rhythm(job: ImprintJob, imprinting: Imprinting, monitor: ArmMonitor) -> str:
    """That of the settings or, where it is to be measured, the best in a short training."""
    rhythm = job.config.rhythm
    if rhythm == MEASURED_RHYTHM:
        config = imprinting.adapters.imprint
        rehearsal = partial(rehearse, imprinting.in_rhythm, monitor, config, job.reporter)
        rhythm = job.run.once("rhythm.json", rehearsal)["chosen"]
    return rhythm


def _train_imprint(
    job: ImprintJob, imprinting: Imprinting, monitor: ArmMonitor, steps: Steps
) -> list[Step]:
    source, config = imprinting.shown.source(steps), imprinting.adapters.imprint
    all_steps = config.model_copy(update={"presentations": len(steps)})
    with imprinting.trainer(source, all_steps) as trainer:
        return _train_arm(job, trainer, IMPRINT, monitor, config)


def _train_control(
    job: ImprintJob,
    imprinting: Imprinting,
    monitor: ArmMonitor,
    steps: Steps,
    done: Sequence[Step],
) -> None:
    """Train on the pages themselves, with as many steps and tokens as the imprint has `done`."""
    texts, adapters = imprinting.shown.texts, imprinting.adapters
    tokens = tokens_of(steps) if len(texts) > 1 else [{0: step.tokens} for step in done]
    copies = as_duplicates(tokens[: len(done)], texts)
    # Its checks steer nothing and only draw its curve: half as many will do.
    rarer = {"presentations": len(done), "check_every": 2 * adapters.control.check_every}
    config = adapters.control.model_copy(update=rarer)
    spec = adapters.of_control(config)
    with _trainer(imprinting.model, DUPLICATES, spec, copies, config) as trainer:
        _train_arm(job, trainer, DUPLICATES, monitor, config)


@contextmanager
def _trainer(
    model: LanguageModel,
    arm: str,
    spec: AdapterSpec,
    source: StepSource,
    config: LoopConfig,
    asked: Objective = all_tokens,
    guard: DriftGuard | None = None,
) -> Iterator[Trainer]:
    """What trains a fresh adapter called like its arm."""
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
