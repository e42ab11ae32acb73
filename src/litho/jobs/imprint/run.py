"""The main job: print a text into a model and prove what happened."""

from typing import Any

from litho.jobs.imprint.arms import train_arms
from litho.jobs.imprint.baseline import Baseline, measure_baseline
from litho.jobs.imprint.check import check
from litho.jobs.imprint.config import ImprintSpec
from litho.jobs.imprint.control import control_metrics
from litho.jobs.imprint.elsewhere import drift_elsewhere, written_elsewhere
from litho.jobs.imprint.history import steps_of
from litho.jobs.imprint.job import ImprintJob
from litho.jobs.imprint.proof import (
    ArmProof,
    answered,
    prove_arms,
    write_maps,
    write_neighbours,
    write_probes,
)
from litho.jobs.imprint.result import DUPLICATES, IMPRINT, ImprintResult
from litho.jobs.runner import Context, Job
from litho.learn.depth import layers_by, layers_pulled
from litho.learn.loop import checkpoint_path
from litho.measure.printing.drift import retention_blocks
from litho.measure.printing.verdict import judge
from litho.measure.scenes import open_book_scenes
from litho.model.adapters import files, saved
from litho.model.loaded import LanguageModel
from litho.model.sources import locate


def run_imprint(context: Context[ImprintSpec]) -> ImprintResult:
    """Do what is left to do of a started imprint."""
    spec = context.spec
    job = ImprintJob(
        context.run, spec, spec.config, locate(spec.model), context.models, context.reporter
    )
    baseline, layers = _measure_before(job)
    if not all(job.adapter_folder(arm).exists() for arm in job.arms):
        train_arms(job, baseline, layers)
    return _conclude(job, baseline, _prove(job, baseline))


def _measure_before(job: ImprintJob) -> tuple[Baseline, list[int]]:
    """The baseline, and the layers that are to be trained."""

    baseline = job.run.once("baseline.json", lambda: _measure_baseline(job, job.model()))
    depth = job.run.once("depth.json", lambda: _measure_depth(job, job.model()))
    return Baseline(**baseline), depth["trained"]


def _measure_baseline(job: ImprintJob, model: LanguageModel) -> dict[str, Any]:
    job.reporter.stage("measuring the model before")
    scenes = open_book_scenes(model, job.inputs.text)
    return measure_baseline(model, job.inputs, scenes, job.config.seed).model_dump()


def _measure_depth(job: ImprintJob, model: LanguageModel) -> dict[str, Any]:
    job.reporter.stage("seeing which layers the text pulls at")
    rows = [model.encode(scene) for scene in open_book_scenes(model, job.inputs.text)]
    depth = layers_pulled(model, rows, job.config.seed)
    policy, chance = job.config.layers, str(job.config.seed)
    trained = layers_by(policy, depth.layers, len(depth.pull), chance)
    return depth.model_dump() | {"trained": trained}


def _prove(job: ImprintJob, baseline: Baseline) -> dict[str, ArmProof]:
    run, config = job.run, job.config
    job.reporter.stage("measuring the model after")
    model = job.model()
    written = written_elsewhere(job, model)
    for arm in job.arms:
        saved.load(model, arm, job.adapter_folder(arm))
    rows = retention_blocks(model, job.inputs.retention_text(), config.retention_tokens)
    proofs = prove_arms(model, job.arms, baseline, rows)
    own = proofs[IMPRINT].metrics
    own.drift = drift_elsewhere(model, written, IMPRINT, own.drift)
    write_probes(run, baseline, proofs)
    write_neighbours(run, model, baseline, proofs)
    write_maps(run, model, open_book_scenes(model, job.inputs.text), IMPRINT)
    return proofs


def _conclude(job: ImprintJob, baseline: Baseline, proofs: dict[str, ArmProof]) -> ImprintResult:
    run, config = job.run, job.config
    own = proofs[IMPRINT].metrics
    controls = {
        arm: control_metrics(run, arm, proof.metrics, own.imprint["gen"].value)
        for arm, proof in proofs.items()
        if arm != IMPRINT
    }
    control = controls.get(DUPLICATES)
    judgement = judge(
        own.imprint,
        own.drift.retention,
        config.budget,
        (control.imprint, control.drift.retention) if control else None,
    )
    steps = steps_of(run, IMPRINT)
    for arm in job.arms:
        checkpoint_path(run, arm).unlink(missing_ok=True)
    return ImprintResult(
        verdict=judgement.verdict,
        reasons=judgement.reasons,
        run=str(run.final_path),
        adapter=str(run.final_path / "adapter"),
        controls=controls,
        budget=config.budget,
        scale=run.read_json("scale.json"),
        presentations=len(steps),
        tokens=sum(step.tokens for step in steps),
        scenes=run.read_yaml("manifest.yaml")["scenes"],
        seed=config.seed,
        adapter_sha256=files.adapter_sha256(job.adapter_folder(IMPRINT)),
        seconds=round(run.seconds, 1),
        answers=tuple(answered(baseline, proofs[IMPRINT].said)),
        **own.model_dump(),
    )


JOB = Job("imprint", ImprintSpec, check, run_imprint)
