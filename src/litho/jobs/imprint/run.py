"""The main job: print a text into a model and prove what happened."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from litho.core.errors import LithoError
from litho.core.files import whole_folder
from litho.jobs.imprint.arms import train_arms
from litho.jobs.imprint.baseline import Baseline, measure_baseline
from litho.jobs.imprint.check import check
from litho.jobs.imprint.config import ImprintSpec
from litho.jobs.imprint.control import control_metrics
from litho.jobs.imprint.elsewhere import drift_elsewhere, written_elsewhere
from litho.jobs.imprint.history import steps_of
from litho.jobs.imprint.job import EARLIER, ImprintJob
from litho.jobs.imprint.onto import Onto
from litho.jobs.imprint.proof import (
    ArmProof,
    answered,
    page_imprint,
    page_results,
    prove_arms,
    write_maps,
    write_neighbours,
    write_probes,
)
from litho.jobs.imprint.result import DUPLICATES, IMPRINT, EarlierResult, ImprintResult
from litho.jobs.runner import Context, Job
from litho.learn.depth import layers_by, layers_pulled
from litho.learn.loop import checkpoint_path
from litho.measure.printing.drift import retention_blocks
from litho.measure.printing.imprint import MIN_GAIN
from litho.measure.printing.probes import score
from litho.measure.printing.verdict import judge
from litho.model.adapters import files, saved
from litho.model.loaded import LanguageModel
from litho.model.sources import locate
from litho.model.state import State


def run_imprint(context: Context[ImprintSpec]) -> ImprintResult:
    """Do what is left to do of a started imprint."""
    spec = context.spec
    job = ImprintJob(
        context.run, spec, spec.config, locate(spec.model), context.models, context.reporter
    )
    if spec.onto and not job.earlier_folder.exists():
        _keep(spec.onto, job.earlier_folder)
    baseline, layers = _measure_before(job)
    _say_known(job, baseline)
    if not all(job.adapter_folder(arm).exists() for arm in job.arms):
        train_arms(job, baseline, layers)
    proofs = _prove(job, baseline)
    return _conclude(job, baseline, proofs, _earlier(job, baseline, proofs[IMPRINT]))


def _keep(onto: Onto, folder: Path) -> None:
    """Copy the earlier adapter into the run. Raises LithoError if it is another one by now."""
    kept = Path(onto.run) / "adapter"
    if not kept.is_dir() or files.adapter_sha256(kept) != onto.adapter_sha256:
        raise LithoError(f"the adapter {kept} is not the one that this run was started with")
    with whole_folder(folder) as half:
        shutil.copytree(kept, half, dirs_exist_ok=True)


def _say_known(job: ImprintJob, baseline: Baseline) -> None:
    """Name the pages of which reading them tells the model nothing that is asked."""
    scored = baseline.scored
    for number in job.inputs.printed:
        places = baseline.places([number])
        if not any(scored.openbook[i] - scored.before[i] > MIN_GAIN for i in places):
            job.reporter.note(
                f"note: reading {job.inputs.pages[number].name} helps the model with none of the "
                "questions about it: it knows the page already, or they ask for something else"
            )


def _measure_before(job: ImprintJob) -> tuple[Baseline, list[int]]:
    """The baseline, and the layers that are to be trained."""

    baseline = job.run.once("baseline.json", lambda: _measure_baseline(job, job.model()))
    depth = job.run.once("depth.json", lambda: _measure_depth(job, job.model()))
    return Baseline(**baseline), depth["trained"]


def _measure_baseline(job: ImprintJob, model: LanguageModel) -> dict[str, Any]:
    job.reporter.stage("measuring the model before")
    pages = job.inputs.pages
    return measure_baseline(
        model,
        pages,
        job.scenes(model),
        job.inputs.printed,
        job.inputs.neighbours(),
        job.config.seed,
    ).model_dump()


def _measure_depth(job: ImprintJob, model: LanguageModel) -> dict[str, Any]:
    job.reporter.stage("seeing which layers the text pulls at")
    scenes = job.scenes(model)
    rows = [model.encode(scene) for i in job.inputs.printed for scene in scenes[i]]
    depth = layers_pulled(model, rows, job.config.seed)
    if job.inputs.onto:  # what is printed beside others is where they are
        return depth.model_dump() | {"trained": list(job.inputs.onto.layers)}
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
    own.drift = drift_elsewhere(job, model, written, IMPRINT, own.drift)
    write_probes(run, baseline, proofs)
    write_neighbours(run, model, baseline, proofs)
    write_maps(run, model, job.scenes(model), IMPRINT)
    return proofs


def _earlier(job: ImprintJob, baseline: Baseline, proof: ArmProof) -> list[EarlierResult]:
    """What is left of the pages that were there before."""
    if job.inputs.onto is None:
        return []
    model = job.model()
    saved.load(model, EARLIER, job.earlier_folder)
    before = score(State(model, (EARLIER,)), baseline.scored.probes)
    kept = range(job.inputs.printed.start)
    return [
        EarlierResult(
            page=job.inputs.pages[number].name,
            imprint_before=page_imprint(baseline, number, before),
            imprint_after=page_imprint(baseline, number, proof.after),
        )
        for number in kept
    ]


def _conclude(
    job: ImprintJob,
    baseline: Baseline,
    proofs: dict[str, ArmProof],
    earlier: Sequence[EarlierResult],
) -> ImprintResult:
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
        pages=tuple(page_results(job.inputs.pages, baseline, proofs[IMPRINT])),
        earlier=tuple(earlier),
        **own.model_dump(),
    )


JOB = Job("imprint", ImprintSpec, check, run_imprint)
