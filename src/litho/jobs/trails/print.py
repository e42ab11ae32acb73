"""Runs of `litho trails print`: trails are trained into a model, and tested."""

from collections.abc import Sequence

from litho.core.stats import Estimate
from litho.jobs.models import Models
from litho.jobs.runner import Checked, Context, Job
from litho.jobs.trails.arms import Printing, adapter_spec, train_arms
from litho.jobs.trails.check import check_library, check_texts, planned_pairs
from litho.jobs.trails.config import PrintSpec
from litho.jobs.trails.cost import print_cost
from litho.jobs.trails.depth import depth_result, depths_of
from litho.jobs.trails.measuring import StateScores, item_rows, numbers, read_scores
from litho.jobs.trails.mixture import check_chains, untouched_chains
from litho.jobs.trails.pairs import PairPlan, Planned
from litho.jobs.trails.result import (
    ADAPTER,
    CONTROL,
    TEACHER,
    CaptureNumbers,
    PrintResult,
)
from litho.jobs.trails.weaving import map_of
from litho.learn.loop import checkpoint_path
from litho.learn.prose import prose_rows
from litho.learn.records import Step
from litho.learn.routing import choose_heads
from litho.learn.steps import StepLedger
from litho.learn.teaching import read_by_heads
from litho.measure.printing.drift import retention_blocks, retention_drift
from litho.model.adapters import files, lora, saved
from litho.model.adapters.stacks import stacks_notice
from litho.model.loaded import LanguageModel
from litho.model.state import State


def check(spec: PrintSpec, models: Models) -> Checked:
    """Raises LithoError if the library, a question or the model's channels are unusable."""
    check_library(spec)
    model = models.load(spec.model)
    adapter_spec(model, spec.config)
    planned = planned_pairs(spec, model)
    plan = PairPlan(spec.library, model, spec.config.seed)
    check_chains(model, plan)
    if "routing" in spec.config.objective:
        rows, pointers = untouched_chains(plan, 1)
        choose_heads(model, rows[:2], pointers[:2])
    if spec.config.objective == "teacher":
        read_by_heads(model, untouched_chains(plan, 1)[0][:1])
    check_texts(spec, model)
    unseen = prose_rows(model, spec.config.replay_length)[1]
    cost = print_cost(model, planned, spec.config, len(unseen))
    return Checked(cost, {"text_name": spec.library_name}, stacks_notice(model))


def run_print(context: Context[PrintSpec]) -> PrintResult:
    """Do what is left to do of a started printing."""
    run, spec, config = context.run, context.spec, context.spec.config
    job = Printing(run, spec, context.reporter)
    model = context.models.load(spec.model)
    planned = planned_pairs(spec, model)
    before = _scored(job, model, planned, None)
    if not all(job.folder(arm).exists() for arm in job.arms):
        train_arms(job, context.models.load(spec.model, config.dtype))
        model = context.models.load(spec.model)
    for arm in job.arms:
        saved.load(model, arm, job.folder(arm))
    after = {arm: _scored(job, model, planned, arm) for arm in job.arms}
    base, printed = State(model), State(model, (ADAPTER,))
    depth = depth_result(
        depths_of(run, spec, base, "depth-before.json", context.reporter),
        depths_of(run, spec, printed, "depth-after.json", context.reporter),
    )
    drifts = _drifts(job, model)
    found = {
        arm: numbers(
            spec.library, planned, spec.external, before, after[arm], drifts[arm], config.budget
        )
        for arm in job.arms
    }
    more = {"depth": depth, "map": map_of(run, spec, printed, context.reporter)}
    found[ADAPTER] = found[ADAPTER].model_copy(update=more)
    run.write_rows("pairs.parquet", item_rows(planned, before, after[ADAPTER]))
    for arm in job.arms:
        checkpoint_path(run, arm).unlink(missing_ok=True)
    return _result(job, model, found, context.manifest["notices"])


def _scored(
    job: Printing, model: LanguageModel, planned: list[Planned], arm: str | None
) -> StateScores:
    state = State(model, (arm,) if arm else ())
    stage = f"reading the chains after printing ({arm})" if arm else "reading the chains before"
    read = job.run.once(
        f"after-{arm}.json" if arm else "before.json",
        lambda: read_scores(state, planned, job.spec.external, job.reporter, stage),
    )
    return StateScores(**read)


def _drifts(job: Printing, model: LanguageModel) -> dict[str, Estimate]:
    job.reporter.stage("measuring drift")
    rows = retention_blocks(model, job.spec.retention_text(), job.config.retention_tokens)
    return {arm: each.mean for arm, each in retention_drift(model, rows, job.arms).items()}


def _result(
    job: Printing, model: LanguageModel, found: dict[str, CaptureNumbers], notices: list[str]
) -> PrintResult:
    run, config, own = job.run, job.config, found[ADAPTER]
    folder = job.folder(ADAPTER)
    return PrintResult(
        run=str(run.final_path),
        adapter=str(run.final_path / "adapter"),
        budget=config.budget,
        channels=config.channels,
        objective=config.objective,
        rank=files.rank(folder),
        weights=sum(weight.numel() for weight in lora.weights(model, ADAPTER).values()),
        scale=run.read_json(f"scale-{ADAPTER}.json"),
        presentations=len(StepLedger(run).records(ADAPTER)),
        seed=config.seed,
        adapter_sha256=files.adapter_sha256(folder),
        seconds=round(run.seconds, 1),
        halfway=_halfway([Step(**each) for each in StepLedger(run).records(ADAPTER)]),
        control=found.get(CONTROL),
        teacher=found.get(TEACHER),
        notices=tuple(notices),
        **{name: getattr(own, name) for name in CaptureNumbers.model_fields},
    )


def _halfway(steps: Sequence[Step]) -> dict[str, int | None]:
    """When attention and both cells had half of what they had at the last check."""
    checks = [step.check for step in steps if step.check]
    curves = {"attention": [check.attention for check in checks]}
    curves |= {cell: [check.cells.get(cell) for check in checks] for cell in ("F", "W")}
    found: dict[str, int | None] = {}
    for name, curve in curves.items():
        last = curve[-1]
        reached = [
            check.presentations
            for check, value in zip(checks, curve, strict=True)
            if last is not None and value is not None and value >= last / 2 > 0
        ]
        found[name] = reached[0] if reached else None
    return found


JOB = Job("trails print", PrintSpec, check, run_print)
