"""The main job: print a text into a model and prove what happened."""

import platform
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from litho import __version__
from litho.core.errors import LithoError
from litho.core.reporter import Reporter
from litho.core.runs import RunDirectory, whole_or_nothing
from litho.jobs.cost import Cost
from litho.jobs.imprint.arms import train_arms
from litho.jobs.imprint.baseline import MADE, Baseline, measure_baseline
from litho.jobs.imprint.config import MEASURED_RHYTHM, ImprintConfig
from litho.jobs.imprint.cost import expected_cost
from litho.jobs.imprint.history import steps_of
from litho.jobs.imprint.inputs import (
    Inputs,
    check_open_book,
    load_inputs,
    marks_of,
    open_model,
    save_inputs,
)
from litho.jobs.imprint.job import ImprintJob
from litho.jobs.imprint.proof import (
    ArmProof,
    prove_arms,
    write_maps,
    write_neighbours,
    write_probes,
)
from litho.jobs.imprint.rehearsal import TRIED
from litho.jobs.imprint.result import DUPLICATES, IMPRINT, ImprintResult
from litho.learn.depth import layers_by, layers_pulled
from litho.learn.loop import checkpoint_path
from litho.learn.objectives import objective
from litho.measure.precision import to_measure
from litho.measure.printing.drift import retention_blocks
from litho.measure.printing.verdict import judge
from litho.measure.readability import foreign_notice
from litho.measure.scenes import open_book_scenes
from litho.model.adapters import saved
from litho.model.loaded import LanguageModel, load
from litho.model.placement import Placement
from litho.model.sources import ModelSource, locate
from litho.present.rhythm import RHYTHMS, chosen_rhythm
from litho.text.operators.choice import chosen_operators


def start(inputs: Inputs, config: ImprintConfig, out: Path) -> RunDirectory:
    """Check everything, then make the run directory with its manifest.

    Raises LithoError, with nothing written, if any input is unusable.
    """
    model = open_model(inputs)
    scenes = open_book_scenes(model, inputs.text)
    check_open_book(model, inputs, scenes)
    if marks_of(inputs, scenes) and config.bridge:
        raise LithoError("a text with marks gets no bridges: take the marks out, or bridge=false")
    chosen_operators(config.operators)
    if config.rhythm != MEASURED_RHYTHM:
        chosen_rhythm(config.rhythm)
    objective(config.loss, model, scenes)
    cost = _expected_cost(model, inputs, config)
    manifest = _manifest(model.source, config, cost, len(scenes))
    manifest["notices"] = foreign_notice(model, inputs.text, config.seed)
    with whole_or_nothing(RunDirectory.create(out)) as run:
        save_inputs(run, inputs.model_copy(update={"model": model.source.pinned}))
        run.write_yaml("manifest.yaml", manifest)
    return run


def _expected_cost(model: LanguageModel, inputs: Inputs, config: ImprintConfig) -> Cost:
    rows = config.replay_pool + config.replay_unseen
    rehearsed = len(RHYTHMS) * TRIED if config.rhythm == MEASURED_RHYTHM else 0
    return expected_cost(
        model,
        text_tokens=len(model.tokens(inputs.text)),
        probes=len(inputs.probes or []) or 3 * MADE,
        retention_tokens=config.retention_tokens,
        presentations=config.presentations + rehearsed,
        replay_tokens=(config.replay_rows * config.replay_length, rows * config.replay_length),
        arms=1 if config.controls == "none" else 2,
        check_every=config.check_every,
        micro_tokens=config.micro_tokens,
        dtype=config.dtype,
    )


def _manifest(
    source: ModelSource, config: ImprintConfig, cost: Cost, scenes: int
) -> dict[str, Any]:
    return {
        "command": "imprint",
        "config": config.model_dump(),
        "model": source.described(),
        "scenes": scenes,
        "expected": cost.model_dump(),
        "threads": torch.get_num_threads(),
        "machine": platform.machine(),
        "versions": {"python": platform.python_version()}
        | {"litho": __version__}
        | {name: version(name) for name in ("torch", "transformers", "peft")},
    }


def imprint(run: RunDirectory, reporter: Reporter) -> ImprintResult:
    """Do what is left to do of a started run; the result is also in its metrics.json."""
    manifest = run.read_yaml("manifest.yaml")
    torch.set_num_threads(manifest["threads"])  # sums depend on how they are split
    inputs = load_inputs(run)
    config = ImprintConfig(**manifest["config"])
    job = ImprintJob(run, inputs, config, _same_model(inputs.model, manifest), reporter)
    baseline, layers = _measure_before(job)
    if not all(job.adapter_folder(arm).exists() for arm in job.arms):
        train_arms(job, baseline, layers)
    proofs = _prove(job, baseline)
    result = _conclude(job, proofs)
    run.write_json("metrics.json", result.model_dump())
    return result


def _same_model(name: str, manifest: dict[str, Any]) -> ModelSource:
    source = locate(name)
    if source.sha256() != manifest["model"]["sha256"]:
        raise LithoError(
            f"the model {name} is not the one that this run was started with: "
            "start a new run, or put the old weights back"
        )
    return source


def _measure_before(job: ImprintJob) -> tuple[Baseline, list[int]]:
    """The baseline, and the layers that are to be trained; the model is loaded once for both."""

    @cache
    def untouched() -> LanguageModel:
        return load(job.source, _measured_in(job))

    baseline = job.run.once("baseline.json", lambda: _measure_baseline(job, untouched()))
    depth = job.run.once("depth.json", lambda: _measure_depth(job, untouched()))
    return Baseline(**baseline), depth["trained"]


def _measured_in(job: ImprintJob) -> Placement:
    """The same before and after, and when the run is resumed, whatever memory is free by then."""
    chosen = job.run.once("precision.json", lambda: to_measure(job.source).described())
    return Placement.parse(chosen["device"], chosen["dtype"])


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
    model = load(job.source, _measured_in(job))
    for arm in job.arms:
        saved.load(model, arm, job.adapter_folder(arm))
    rows = retention_blocks(model, job.inputs.retention_text(), config.retention_tokens)
    proofs = prove_arms(model, job.arms, baseline, rows)
    write_probes(run, baseline, proofs)
    write_neighbours(run, model, baseline, proofs)
    write_maps(run, model, open_book_scenes(model, job.inputs.text), IMPRINT)
    return proofs


def _conclude(job: ImprintJob, proofs: dict[str, ArmProof]) -> ImprintResult:
    run, config = job.run, job.config
    own = proofs[IMPRINT].metrics
    controls = {arm: proof.metrics for arm, proof in proofs.items() if arm != IMPRINT}
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
        adapter_sha256=saved.adapter_sha256(job.adapter_folder(IMPRINT)),
        seconds=round(run.seconds, 1),
        **own.model_dump(),
    )
