"""Runs of `litho bench`: ways of presenting a text compared, trial by trial."""

from litho.jobs.bench.config import BenchSpec
from litho.jobs.bench.result import TRIALS, BenchResult
from litho.jobs.bench.summary import summarize
from litho.jobs.bench.tournament import check_comparison, open_tournament
from litho.jobs.models import Models
from litho.jobs.runner import Checked, Context, Job


def check(spec: BenchSpec, models: Models) -> Checked:
    """Refuse what cannot be compared."""
    model = models.load(spec.config.model, spec.config.dtype)
    check_comparison(model, spec.config, spec.cases, spec.prose, spec.decoy_prose, spec.only)
    return Checked()


def run_bench(context: Context[BenchSpec]) -> BenchResult:
    """Do the trials that are left, and compare."""
    run, spec = context.run, context.spec
    tournament = open_tournament(
        run.path,
        context.models.load(spec.config.model, spec.config.dtype),
        spec.config,
        spec.cases,
        spec.prose,
        spec.decoy_prose,
        context.reporter,
        spec.only,
    )
    trials = tournament.finished() if spec.so_far else tournament.run()
    run.write_json(TRIALS, [trial.model_dump(mode="json") for trial in trials])
    return summarize(trials)


JOB = Job("bench", BenchSpec, check, run_bench, joint=("bench",))
