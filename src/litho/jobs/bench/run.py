"""Runs of `litho bench`: ways of presenting a text compared, trial by trial."""

from pathlib import Path

from litho.core.errors import LithoError
from litho.core.reporter import Reporter
from litho.jobs.bench.config import BenchSpec
from litho.jobs.bench.result import TRIALS, BenchResult
from litho.jobs.bench.summary import summarize
from litho.jobs.bench.tournament import (
    CONFIG,
    Tournament,
    check_comparison,
    open_tournament,
)
from litho.jobs.models import Models
from litho.jobs.runner import Checked, Context, Job


def check(spec: BenchSpec, models: Models) -> Checked:
    """Refuse what cannot be compared."""
    model = models.load(spec.config.model, spec.config.dtype)
    check_comparison(model, spec.config, spec.cases, spec.prose, spec.decoy_prose, spec.only)
    return Checked()


def admits(context: Context[BenchSpec]) -> None:
    """Raises LithoError if the folder holds another comparison, or too little of this one."""
    _opened(context.run.path, context.spec, context.models, context.reporter).check()


def run_bench(context: Context[BenchSpec]) -> BenchResult:
    """Do the trials that are left, and compare."""
    run = context.run
    trials = _opened(run.path, context.spec, context.models, context.reporter).run()
    run.write_json(TRIALS, [trial.model_dump(mode="json") for trial in trials])
    return summarize(trials)


def compared_so_far(
    spec: BenchSpec, folder: Path, models: Models, reporter: Reporter
) -> BenchResult:
    """Compare what is done in a folder, where others may be at work; no file is written.

    Raises LithoError if there is no such comparison.
    """
    spec = spec.pinned()
    models.place(spec.device)
    check(spec, models)
    if not (folder / CONFIG).is_file():
        raise LithoError(f"{folder} holds no comparison: leave --so-far out to begin one")
    return summarize(_opened(folder, spec, models, reporter).finished())


def _opened(folder: Path, spec: BenchSpec, models: Models, reporter: Reporter) -> Tournament:
    model = models.load(spec.config.model, spec.config.dtype)
    texts = spec.cases, spec.prose, spec.decoy_prose
    return open_tournament(folder, model, spec.config, *texts, reporter, spec.only)


JOB = Job("bench", BenchSpec, check, run_bench, admits=admits, joint=("bench",))
