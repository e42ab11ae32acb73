"""Gates: what a stage has to have taught by its end, asked before the next one begins."""

from pathlib import Path
from shlex import quote
from typing import Any

from litho.core.errors import LithoError
from litho.core.lined import fault_in
from litho.core.runs import INPUTS, MANIFEST, PARTIAL, RunDirectory
from litho.core.stats import Estimate
from litho.jobs.runner import Context
from litho.jobs.school.config import SchoolSpec
from litho.jobs.school.result import GateResult
from litho.jobs.school.saving import speaking
from litho.learn.schooling.lesson import Lesson
from litho.measure.school.closed import answer_logps, closed_sets
from litho.measure.school.exam import fitting
from litho.measure.school.scores import score_of
from litho.model.learner import Learner
from litho.model.placement import Placement
from litho.text.school.gated import asked_at_gates, gate_questions
from litho.text.school.genome import Genome, Stage
from litho.text.school.stages import School


def gated_stages(genome: Genome) -> list[int]:
    """How many stages are over when each gate is asked."""
    return [number for number, stage in enumerate(genome.stages, 1) if stage.gate]


def asked(
    context: Context[SchoolSpec],
    genome: Genome,
    stage: Stage,
    lesson: Lesson,
    learner: Learner,
    placement: Placement,
) -> GateResult:
    """What a gate finds; what the same model was asked before is not asked again."""
    assert stage.gate
    test, run = stage.gate.test, context.run

    def ask() -> dict[str, Any]:
        context.reporter.stage(f"at the gate of {stage.id}")
        school = School.of(genome, Path(context.spec.folder))
        every = gate_questions(genome, school.shelf, school.plan, stage)
        with speaking(learner, run.path, placement) as model:
            some = [every[i] for i in fitting(model, every)]
            sets = closed_sets(model, [q.context for q in some], [q.closed for q in some])
            said = answer_logps(model, sets)
        return score_of(some, said).accuracy.model_dump(mode="json")

    found = run.once(f"gate-{stage.id}-{test}-{lesson.key[:16]}.json", ask)
    return GateResult(stage=stage.id, test=test, min=stage.gate.min, accuracy=Estimate(**found))


def closed(context: Context[SchoolSpec], number: int, found: GateResult) -> LithoError:
    """What a user is told of a gate that was not reached; `number`: of the stage."""
    accuracy, here = found.accuracy, quote(str(context.run.final_path))
    return fault_in(
        context.spec.written,
        context.spec.source,
        ("stages", number, "gate", "min"),
        f"stage {found.stage} ends with {accuracy.value:.2f} of {accuracy.n} questions "
        f"({found.test}) right, and {found.min:g} is asked for: lower this number and give the "
        f"same command with --out {here}, which goes on from here; or let the "
        "stage read more (share) in another --out, with --build and --checkpoints of this run",
    )


def let_on(spec: SchoolSpec, out: Path) -> bool:
    """Let an unfinished run have the gates of `spec`; whether it differs in nothing else.

    Raises LithoError if one of these gates would have nothing to ask.
    """
    if not (out.absolute().with_name(out.name + PARTIAL) / MANIFEST).is_file():
        return False
    run = RunDirectory.resume(out)
    try:
        with run.damage_told():
            if run.read_yaml(MANIFEST)["command"] != "school":
                return False
            old = SchoolSpec(**run.read_json(INPUTS))
        if not old.model_copy(update={"written": spec.written}).alike(spec):
            return False
        if _without_gates(old.genome) != _without_gates(spec.genome):
            return False
        school = School.of(spec.genome, Path(spec.folder))
        asked_at_gates(school.genome, school.shelf, school.plan)
        run.write_json(INPUTS, spec.model_dump(mode="json"))
        return True
    finally:
        run.release()


def _without_gates(genome: Genome) -> Genome:
    stages = tuple(stage.model_copy(update={"gate": None}) for stage in genome.stages)
    return genome.model_copy(update={"stages": stages})
