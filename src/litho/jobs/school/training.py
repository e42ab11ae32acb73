"""The training of a school: from stage to stage, with what stands between two of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from litho.jobs.genome.build import Build
from litho.jobs.runner import Context
from litho.jobs.school.adapting import adapting
from litho.jobs.school.config import SchoolSpec
from litho.jobs.school.cost import teaching_of
from litho.jobs.school.gates import asked, closed, gated_stages
from litho.jobs.school.lessons import lessons_of, subjects_of
from litho.jobs.school.live import Onlooker
from litho.jobs.school.own import refreshed, refreshed_stages
from litho.jobs.school.pacing import pace_of
from litho.jobs.school.result import LIVE_PAGE, GateResult, StageAdapter
from litho.learn.schooling.education import UNFINISHED, Places, Watch, educate, trained_before
from litho.learn.schooling.helpers import helping
from litho.learn.schooling.lesson import Lesson
from litho.learn.schooling.loop import Progress, Schooling
from litho.learn.schooling.pacing import Pace
from litho.model.learner import Learner
from litho.model.placement import Placement
from litho.text.school.genome import Genome

CHECKPOINTS = "checkpoints"


@dataclass(frozen=True)
class Trained:
    """What a training has come to; the model is in its learner."""

    build: Build
    lessons: Sequence[Lesson]
    progress: Progress
    pace: Pace | None
    gates: Sequence[GateResult]
    adapters: Sequence[StageAdapter]
    reused: int  # stages that were trained before


def train(
    context: Context[SchoolSpec],
    genome: Genome,
    build: Build,
    learner: Learner,
    placement: Placement,
    depends: Mapping[str, Any],
) -> Trained:
    """All stages; between two of them gates are asked, and the model's own attempts.

    `depends`: what the weights depend on besides what is read. Raises LithoError at a gate that is
    not reached.
    """
    run, spec, reporter = context.run, context.spec, context.reporter
    lessons, subjects = lessons_of(build, genome, depends), subjects_of(genome)
    ends = Path(spec.checkpoints) if spec.checkpoints else run.path / CHECKPOINTS
    places = Places(ends, run.path / UNFINISHED)
    reused = run.once("reused.json", lambda: trained_before(lessons, places))
    pace = pace_of(genome, Path(spec.folder), build.codec, spec.replayed)
    live = run.final_path.with_name(run.final_path.name + LIVE_PAGE)
    reporter.note(f"to look at while it trains: {live}")
    gated, again = gated_stages(genome), refreshed_stages(genome, build)
    adapter, whole = adapting(run, genome, learner), len(lessons)
    stops = {*gated, *again, whole, *(range(1, whole) if adapter else ())}
    with helping(learner, spec.processes, len(subjects)) as helpers:
        hold = adapter.hold if adapter else None
        schooling = Schooling(learner, teaching_of(genome), subjects, helpers, hold)
        onlooker = Onlooker(context, genome, lessons, schooling, pace)
        watch = Watch(run.tick, onlooker.seen)
        for number in sorted(stops):
            educate(schooling, lessons, places, reporter, watch, pace, until=number)
            if adapter:
                adapter.settle(lessons[number - 1].id)
            if number in gated:
                _pass_gate(context, genome, number - 1, lessons, learner, placement, onlooker)
            if number in again:
                build = refreshed(
                    run, genome, Path(spec.folder), build, number, learner, placement, reporter
                )
                lessons = lessons_of(build, genome, depends)
    return Trained(
        build,
        lessons,
        schooling.progress,
        pace,
        onlooker.gates,
        adapter.saved if adapter else (),
        reused,
    )


def _pass_gate(
    context: Context[SchoolSpec],
    genome: Genome,
    number: int,
    lessons: Sequence[Lesson],
    learner: Learner,
    placement: Placement,
    onlooker: Onlooker,
) -> None:
    """Ask what a stage has to have taught. Raises LithoError if it has not."""
    found = asked(context, genome, genome.stages[number], lessons[number], learner, placement)
    onlooker.gate(found)
    if not found.open:
        raise closed(context, number, found)
