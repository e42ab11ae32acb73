"""Runs of `litho journal`: spans are read with every kept state of the model."""

from pathlib import Path
from typing import Any

from litho.core.errors import LithoError
from litho.jobs.journal.config import JournalSpec
from litho.jobs.journal.hardest import by_section, hardest
from litho.jobs.journal.reading import spans_read
from litho.jobs.journal.result import By, JournalResult, Span
from litho.jobs.models import Models
from litho.jobs.runner import Checked, Context, Job
from litho.jobs.school.finished import FinishedSchool
from litho.model.placement import Placement

WAYS: tuple[By, ...] = ("loss_jump", "forgetting", "contradiction")
SPANS = "spans.json"


def check(spec: JournalSpec, models: Models) -> Checked:
    """Raises LithoError if the school is none, has no borders, or lost its checkpoints."""
    finished = FinishedSchool.opened(Path(spec.school))
    if len(finished.result.stages) < 2:
        raise LithoError(f"{finished.genome.id} has a single stage, and so no border of stages")
    finished.checkpoints()
    return Checked(None, {"text_name": finished.genome.id})


def run_journal(context: Context[JournalSpec]) -> JournalResult:
    """Read once, then sort."""
    run, spec = context.run, context.spec
    finished = FinishedSchool.opened(Path(spec.school))

    def read() -> list[dict[str, Any]]:
        placement = Placement.parse(spec.device.name)
        found = spans_read(
            finished, spec.config.sample, context.models, placement, context.reporter
        )
        return [span.model_dump(mode="json") for span in found]

    spans = [Span(**each) for each in run.once(SPANS, read)]
    stages = [stage.id for stage in finished.result.stages]
    found = {by: tuple(hardest(spans, stages, by, spec.config.top)) for by in WAYS}
    jumps = found["loss_jump"]
    return JournalResult(
        run=str(run.final_path),
        school=str(finished.path),
        by=spec.config.by,
        stages=tuple(stages),
        spans=len(spans),
        hardest=found,
        mended=sum(each.mended is not None for each in jumps) / len(jumps) if jumps else None,
        sections=tuple(by_section(spans)),
        seconds=round(run.seconds, 1),
        notices=tuple(context.manifest["notices"]),
    )


JOB = Job("journal", JournalSpec, check, run_journal)
