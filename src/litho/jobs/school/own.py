"""Attempts of the model itself: before a stage with repairs it answers what these will ask.

They are taken over into the stage, which is compiled again. What was asked is kept in the run, so
that a school that was stopped goes on with the same attempts.
"""

from dataclasses import replace
from pathlib import Path

from litho.core.reporter import Reporter
from litho.core.runs import RunDirectory
from litho.jobs.genome.build import Build
from litho.jobs.genome.compiler import compile_again
from litho.jobs.school.saving import speaking
from litho.measure.school.loop import cast_of
from litho.measure.school.voices import spoken, turn
from litho.model.learner import Learner
from litho.model.placement import Placement
from litho.text.school.genome import TAIL, Genome, Scene
from litho.text.school.loops import asked_in
from litho.text.school.scenes import relations_of
from litho.text.school.stages import School

_ATTEMPTS = "attempts-{}.json"


def repairs_of(genome: Genome, stage: str) -> list[Scene]:
    """The repairs that a stage plays; the tail those of all."""
    names = [n for s in genome.stages if stage in (s.id, TAIL) for n in s.scenes]
    return [scene for name in names if (scene := genome.scene(name)).kind == "repair"]


def refreshed_stages(genome: Genome, build: Build) -> list[int]:
    """Numbers of the stages before which the model is asked; before the first there is none."""
    if not genome.loss or genome.loss.attempts != "own":
        return []
    stages = build.result.stages
    return [i for i, each in enumerate(stages) if i and repairs_of(genome, each.id)]


def begun(run: RunDirectory, genome: Genome, folder: Path, build: Build) -> Build:
    """The build with all attempts that a process before this one asked for."""
    for number in refreshed_stages(genome, build):
        stage = build.result.stages[number].id
        if (run.path / _ATTEMPTS.format(stage)).is_file():
            own = run.read_json(_ATTEMPTS.format(stage))
            build = _with(build, School.of(genome, folder), stage, own)
    return build


def refreshed(
    run: RunDirectory,
    genome: Genome,
    folder: Path,
    build: Build,
    number: int,
    learner: Learner,
    placement: Placement,
    reporter: Reporter,
) -> Build:
    """The build with what the learner answers now in the repairs of a stage."""
    school, stage = School.of(genome, folder), build.result.stages[number].id

    def ask() -> dict[str, str]:
        reporter.stage(f"asking before stage {stage}")
        return _asked(school, repairs_of(genome, stage), learner, placement, run.path)

    own = run.once(_ATTEMPTS.format(stage), ask)
    return _with(build, school, stage, own)


def _asked(
    school: School, repairs: list[Scene], learner: Learner, placement: Placement, path: Path
) -> dict[str, str]:
    assert school.plan
    relations = {r.name: r for scene in repairs for r in relations_of(scene, school.shelf)}
    questions = asked_in(school.plan, list(relations.values()))
    cast = cast_of(repairs[0].roles)
    with speaking(learner, path, placement) as model:
        said = spoken(model, [turn(turn("", cast.asks, each), cast.answers) for each in questions])
    return {q: line for q, line in zip(questions, said, strict=True) if line}


def _with(build: Build, school: School, stage: str, own: dict[str, str]) -> Build:
    compile_again(build.folder, replace(school, attempts=own), build.codec, stage)
    return Build.opened(build.folder)
