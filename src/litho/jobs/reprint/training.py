"""Printing goes on from a saved adapter, within the same budget of drift; and is measured."""

from collections.abc import Sequence
from pathlib import Path
from statistics import fmean

from litho.core.stats import Estimate
from litho.jobs.imprint.baseline import Baseline
from litho.jobs.imprint.config import ImprintConfig
from litho.jobs.imprint.handbook import Steps, planned
from litho.jobs.imprint.held import Held
from litho.jobs.imprint.job import ImprintJob
from litho.learn.loop import checkpoint_path, train_arm
from litho.learn.objectives import objective
from litho.learn.optimizer import OptimizerSpec
from litho.learn.records import Step
from litho.learn.trainable import TrainedAdapter
from litho.learn.trainer import Trainer
from litho.measure.printing.drift import retention_blocks, retention_drift
from litho.measure.printing.imprint import imprint, imprint_by_kind, imprint_of
from litho.measure.printing.probes import score
from litho.model.adapters import files, lora, saved
from litho.model.adapters.slices import factors_in
from litho.model.adapters.spec import AdapterSpec
from litho.model.state import State

_MEASURED = "measured"  # name of an adapter


def print_on(
    job: ImprintJob, baseline: Baseline, before: Path, steps: Steps, name: str, folder: Path
) -> float:
    """Train the adapter in `before` on these steps and save it to `folder`; what is done is kept.

    Returns the factor by which it was shrunk to fit the budget; 1: it was not.
    """
    model = job.model(job.config.dtype)
    held = Held.sampled(job, model)
    job.reporter.stage("reading what must not drift")
    monitor = held.monitor(model, baseline)
    scenes = [scene for i in job.inputs.printed for scene in job.scenes(model)[i]]
    asked = objective(job.config.loss, model, scenes)
    config = job.config.model_copy(update={"presentations": len(steps)})
    with lora.fresh(model, name, _as_saved(before, _layers(job), config)):
        saved.fill(model, name, before)
        guard = held.guard(config, fmean(map(len, steps)))
        trainer = Trainer(
            TrainedAdapter(model, name),
            planned(steps),
            OptimizerSpec.of(config),
            len(steps),
            config.micro_tokens,
            asked,
            guard,
        )
        job.reporter.stage(f"printing ({name})", len(steps))

        def report(step: Step) -> None:
            job.reporter.advance(step.presentations)
            job.run.tick()

        train_arm(trainer, name, monitor, job.run, config, False, report)
        scale = guard.shrink(model, name, monitor.unseen)
        saved.save(model, name, folder)
    checkpoint_path(job.run, name).unlink(missing_ok=True)
    return scale


def _layers(job: ImprintJob) -> list[int]:
    """The blocks that the imprint was trained in."""
    layers: list[int] = job.run.read_json("depth.json")["trained"]
    return layers


def _as_saved(folder: Path, layers: Sequence[int], config: ImprintConfig) -> AdapterSpec:
    """An adapter of the same shape, which learns what the imprint's did."""
    said, factors = files.settings(folder), factors_in(folder)
    keys = factors.a_RI if config.keys == "text" else None
    return AdapterSpec(
        said["r"], said["lora_alpha"], config.seed, tuple(layers), factors.kinds, keys
    )


def measured(job: ImprintJob, baseline: Baseline, folder: Path) -> dict[str, Estimate]:
    """What an adapter knows of the pages without them, and how far it drifts."""
    job.reporter.stage("measuring")
    model, scored, anchors = job.model(), baseline.scored.part(baseline.asked()), baseline.anchors
    saved.load(model, _MEASURED, folder)
    state = State(model, (_MEASURED,))
    after = score(state, scored.probes)
    found = imprint_by_kind(scored, after)
    if any(probe.kind == "chat" for probe in scored.probes):
        found["chat"] = imprint_of("chat", scored, after)
    found["anchor"] = imprint(anchors.before, anchors.openbook, score(state, anchors.probes))
    rows = retention_blocks(model, job.inputs.retention_text(), job.config.retention_tokens)
    found["drift"] = retention_drift(model, rows, [_MEASURED])[_MEASURED].mean
    return found
