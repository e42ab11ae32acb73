"""Runs of `litho ensemble`: all micro fine-tunes of a plan, and what agrees."""

from typing import TypeVar

from litho.jobs.ensemble.agreement import rows, summary
from litho.jobs.ensemble.config import EnsembleSpec
from litho.jobs.ensemble.fine_tunes import Ensemble, opened
from litho.jobs.ensemble.result import EnsembleResult
from litho.jobs.models import Models
from litho.jobs.runner import Checked, Context, Job
from litho.learn.recipe import check_inputs

Planned = TypeVar("Planned", bound=EnsembleSpec)
FAMILY = ("ensemble", "calibrate")  # commands that go on with each other's runs


def check(spec: EnsembleSpec, models: Models) -> Checked:
    """Raises LithoError if there is no model of a name, or one cannot read the texts or probes."""
    names = spec.config.models
    for name in reversed(names):  # the first is kept for the work
        check_inputs(opened(name, models.placement(names[0])), spec.texts, spec.questions)
    return Checked()


def ensemble_of(context: Context[Planned]) -> Ensemble:
    """The runs of a plan, in the folder of a run."""
    spec = context.spec
    return Ensemble(
        spec.config,
        spec.texts,
        spec.questions,
        context.run.path,
        context.reporter,
        context.workers,
        context.models.placement(spec.config.models[0]),
    )


def admits(context: Context[EnsembleSpec]) -> None:
    """Raises LithoError if the plan takes longer than it may."""
    ensemble_of(context).check()


def run_ensemble(context: Context[EnsembleSpec]) -> EnsembleResult:
    """Do what is left of a plan, together with whoever else works on it."""
    run, spec = context.run, context.spec
    effects = ensemble_of(context).run()
    matrix = [row.model_dump() for row in rows(effects, spec.questions)]
    run.write_rows("effects.parquet", matrix)
    return summary(str(run.path), spec.config, spec.texts, spec.questions, effects)


JOB = Job("ensemble", EnsembleSpec, check, run_ensemble, admits=admits, joint=FAMILY)
