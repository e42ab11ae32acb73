"""Runs of `litho trails test`: the capture test of a model, or of an adapter on it."""

from pathlib import Path

from litho.jobs.models import Models
from litho.jobs.runner import Checked, Context, Job
from litho.jobs.trails.check import check_library, check_texts, planned_pairs
from litho.jobs.trails.config import CaptureSpec
from litho.jobs.trails.cost import capture_cost
from litho.jobs.trails.depth import depth_result, depths_of
from litho.jobs.trails.measuring import StateScores, item_rows, numbers, read_scores
from litho.jobs.trails.result import CaptureNumbers, CaptureResult
from litho.jobs.trails.weaving import map_of
from litho.measure.printing.drift import retention_blocks, retention_drift
from litho.model.adapters import files, saved
from litho.model.state import State

_TESTED = "tested"


def check(spec: CaptureSpec, models: Models) -> Checked:
    """Raises LithoError if the library, the adapter or a question is unusable."""
    check_library(spec)
    notices: list[str] = []
    if spec.adapter:
        files.rank(Path(spec.adapter))
        notices = files.notices(Path(spec.adapter))
    model = models.load(spec.model)
    planned = planned_pairs(spec, model)
    check_texts(spec, model)
    cost = capture_cost(model, planned, spec.config, 2 if spec.adapter else 1)
    return Checked(cost, {"text_name": spec.library_name, "adapter": spec.adapter}, notices)


def run_test(context: Context[CaptureSpec]) -> CaptureResult:
    """Both states, each a stage of the run, in float32."""
    run, spec, config = context.run, context.spec, context.spec.config
    model = context.models.load(spec.model)
    planned = planned_pairs(spec, model)

    def scored(name: str, adapters: tuple[str, ...], stage: str) -> StateScores:
        state = State(model, adapters)
        read = run.once(
            name, lambda: read_scores(state, planned, spec.external, context.reporter, stage)
        )
        return StateScores(**read)

    before, after, drift = scored("before.json", (), "reading the chains"), None, None
    last = State(model)
    depth_before = depth_after = depths_of(run, spec, last, "depth-before.json", context.reporter)
    if spec.adapter:
        saved.load(model, _TESTED, Path(spec.adapter))
        after = scored("after.json", (_TESTED,), "reading the chains with the adapter")
        last = State(model, (_TESTED,))
        depth_after = depths_of(run, spec, last, "depth-after.json", context.reporter)
        context.reporter.stage("measuring drift")
        rows = retention_blocks(model, spec.retention_text(), config.retention_tokens)
        drift = retention_drift(model, rows, [_TESTED])[_TESTED].mean
    run.write_rows("pairs.parquet", item_rows(planned, before, after))
    found = numbers(spec.library, planned, spec.external, before, after, drift, config.budget)
    more = {
        "depth": depth_result(depth_before, depth_after),
        "map": map_of(run, spec, last, context.reporter),
    }
    found = found.model_copy(update=more)
    return CaptureResult(
        run=str(run.final_path),
        adapter=spec.adapter,
        budget=config.budget,
        notices=tuple(context.manifest["notices"]),
        **{name: getattr(found, name) for name in CaptureNumbers.model_fields},
    )


JOB = Job("trails test", CaptureSpec, check, run_test)
