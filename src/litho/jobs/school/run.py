"""Runs of `litho school`: compile, train through all stages, save."""

import shutil
from pathlib import Path
from typing import Any

from litho.core.errors import Cancelled, Interrupted
from litho.core.files import whole_folder
from litho.jobs.genome.build import Build
from litho.jobs.genome.compiler import BUILD, GENOME, compile_written
from litho.jobs.models import Models
from litho.jobs.runner import Checked, Context, Job
from litho.jobs.school.config import SchoolSpec
from litho.jobs.school.cost import disk_needed, school_cost
from litho.jobs.school.exam import examined
from litho.jobs.school.first import first_learner, known_codec
from litho.jobs.school.lessons import depends, depends_on_processes
from litho.jobs.school.own import begun
from litho.jobs.school.pacing import EVENTS, check_events, depends_on_pace
from litho.jobs.school.result import LIVE, SchoolResult
from litho.jobs.school.saving import save_whole
from litho.jobs.school.summary import rows_of, stages_of
from litho.jobs.school.training import train
from litho.model.placement import Placement
from litho.model.sources import ModelSource
from litho.text.school.genome import Genome

MODEL, BUILT, LOSSES = "model", "build", "losses.parquet"


def check(spec: SchoolSpec, models: Models) -> Checked:
    """Raises LithoError if genome or build are at fault, or the model that goes on does not fit."""
    genome = spec.genome
    if spec.build:
        Build.opened(Path(spec.build))
    if spec.replayed is not None:
        check_events(genome, spec.replayed)
    placement = Placement.parse(spec.device.name)
    codec = known_codec(genome, Path(spec.folder))
    vocabulary = codec.vocabulary if codec else genome.tokenizer.vocab
    learner = first_learner(spec, genome, models, placement, codec, vocabulary)
    disk = disk_needed(genome, learner, spec.checkpoints)
    cost = school_cost(genome, Path(spec.folder), learner, vocabulary)
    said = {"text_name": genome.id, "placement": placement.described()}
    return Checked(cost, said, disk=disk)


def run_school(context: Context[SchoolSpec]) -> SchoolResult:
    """Do what is left to do of a started school."""
    run, spec, reporter = context.run, context.spec, context.reporter
    genome = spec.genome
    folder = Path(spec.folder)
    build = begun(run, genome, folder, _build(context, genome))
    placement = Placement.parse(spec.device.name)
    learner = first_learner(
        spec, genome, context.models, placement, build.codec, build.result.vocabulary
    )
    started = context.manifest.get("start")
    parts = depends(genome, placement, learner, started["sha256"] if started else None)
    parts |= depends_on_pace(genome, spec.replayed) | depends_on_processes(spec, learner)
    trained = train(context, genome, build, learner, placement, parts)
    pace, progress = trained.pace, trained.progress
    (run.path / LIVE).unlink(missing_ok=True)
    if pace:
        run.write_json(EVENTS, [event.model_dump() for event in pace.events])
    reporter.stage("saving the model")
    save_whole(learner, run.path / MODEL)
    exam = run.once("exam.json", lambda: _examined(context, genome))
    run.write_rows(LOSSES, list(rows_of(progress)))
    said = ModelSource("", run.path / MODEL, "")
    return SchoolResult(
        run=str(run.final_path),
        model=str(run.final_path / MODEL),
        build=str(run.final_path / BUILT),
        model_sha256=said.sha256(),
        weights=learner.size,
        vocabulary=trained.build.result.vocabulary,
        tokens=progress.tokens,
        stages=tuple(stages_of(progress, trained.lessons, trained.reused)),
        events=tuple(pace.events) if pace else None,
        probes=tuple(pace.probes) if pace else None,
        gates=tuple(trained.gates) or None,
        adapters=tuple(trained.adapters) or None,
        exam=exam,
        seconds=round(run.seconds, 1),
        notices=tuple(context.manifest["notices"]),
    )


def _build(context: Context[SchoolSpec], genome: Genome) -> Build:
    """The build of the run: one that was given as it is if it is of this genome, else compiled."""
    spec, folder = context.spec, context.run.path / BUILT
    if not folder.exists() and spec.build:
        _copy(Build.opened(Path(spec.build)).folder, folder)
    if not (folder / BUILD).is_file() or _written_in(folder) != spec.written:
        source = (spec.written, spec.source, Path(spec.folder))
        try:
            compile_written(*source, folder, spec.processes, context.reporter)
        except Interrupted:
            raise Cancelled from None  # the run, too, is gone on with
    return Build.opened(folder)


def _written_in(build: Path) -> str:
    return (build / GENOME).read_text(encoding="utf-8")


def _copy(build: Path, folder: Path) -> None:
    """A copy and no links: a later change of its order must not reach this run."""
    with whole_folder(folder) as half:
        shutil.copytree(build, half, dirs_exist_ok=True)


def _examined(context: Context[SchoolSpec], genome: Genome) -> dict[str, Any] | None:
    if not genome.tests:
        return None
    model = context.models.load(str(context.run.path / MODEL))
    result = examined(genome, Path(context.spec.folder), model, context.reporter)
    return result.model_dump(mode="json") if result else None


JOB = Job("school", SchoolSpec, check, run_school)
