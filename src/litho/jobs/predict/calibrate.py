"""Runs of `litho calibrate`: predictions fitted to an ensemble, which gives them intervals."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from litho.core.errors import LithoError
from litho.core.files import whole_file
from litho.jobs.ensemble.fine_tunes import Ensemble, opened
from litho.jobs.ensemble.run import FAMILY, ensemble_of
from litho.jobs.ensemble.run import check as check_ensemble
from litho.jobs.models import Models
from litho.jobs.predict.calibration import FEWEST, Calibration
from litho.jobs.predict.config import CALIBRATION, CalibrateSpec
from litho.jobs.predict.measurements import groups_of, question_groups_of
from litho.jobs.predict.method import Method
from litho.jobs.predict.predictor import Predictor
from litho.jobs.predict.reach import read_calibrations, written_calibrations
from litho.jobs.predict.result import CalibrationResult
from litho.jobs.runner import Checked, Context, Job
from litho.measure.agreement import FEWEST as RANKED

FEWEST_GROUPS = 3  # of which one at a time is left out


def check(spec: CalibrateSpec, models: Models) -> Checked:
    """Raises LithoError on a plan that is too small or of more than one model."""
    plan, texts, questions = spec.config, spec.texts, spec.questions
    if len(plan.models) > 1 or plan.sample:
        raise LithoError("a calibration is for one model and all runs of a plan, not for a sample")
    if len(texts) < FEWEST or len(questions) < RANKED:
        raise LithoError(
            f"{len(texts)} texts and {len(questions)} probes are too few to calibrate on: at least "
            f"{FEWEST} and {RANKED} are needed"
        )
    for name, groups in (
        ("texts", groups_of(texts)),
        ("probes", question_groups_of(questions)),
    ):
        if len(set(groups)) < FEWEST_GROUPS and any(groups):
            raise LithoError(
                f"the {name} are of {len(set(groups))} groups: give at least {FEWEST_GROUPS}, or "
                "leave 'group' out"
            )
    return check_ensemble(spec, models)


def run_calibrate(context: Context[CalibrateSpec]) -> CalibrationResult:
    """Fit predictions to the runs of a plan with its first seed, doing those that are left.

    The fits are also in the calibration.json of the run, with those for other methods, models,
    recipes and probes that were there.
    """
    run, spec = context.run, context.spec
    fits = list(_fits(_with_one_seed(context), spec.method))
    path = run.path / CALIBRATION
    with run.alone():
        kept = read_calibrations(path) if path.exists() else []
        again = [_what_for(c) for c in fits]
        kept = [c for c in kept if _what_for(c) not in again]
        with whole_file(path) as temporary:
            temporary.write_bytes(written_calibrations([*kept, *fits]))
    return CalibrationResult(tuple(fits))


def admits(context: Context[CalibrateSpec]) -> None:
    """Raises LithoError if the plan takes longer than it may."""
    _with_one_seed(context).check()


def _with_one_seed(context: Context[CalibrateSpec]) -> Ensemble:
    """The ensemble with its first seed: others would measure the same again."""
    spec, plan = context.spec, context.spec.config
    once = plan.model_copy(update={"seeds": plan.seeds[:1]})
    return ensemble_of(replace(context, spec=spec.model_copy(update={"config": once})))


def _fits(ensemble: Ensemble, method: Method) -> Iterator[Calibration]:
    """Two calibrations for each recipe and number of steps: for any probes, and for these."""
    plan, effects = ensemble.plan, ensemble.run()
    (seed,) = plan.seeds
    for number, recipe in enumerate(plan.recipes):
        for step in plan.steps_of(recipe):
            measured = {
                effect.run.text.id: effect.deltas
                for effect in effects
                if (effect.run.number, effect.step) == (number, step)
            }
            predictor = Predictor(
                opened(plan.models[0], ensemble.placement),
                recipe.model_copy(update={"steps": step, "seed": seed}),
                ensemble.texts,
                ensemble.questions,
                ensemble.folder,
                ensemble.reporter,
            )
            rows = [measured[text.id] for text in ensemble.texts]
            yield from predictor.calibrated(method, np.array(rows))


def _what_for(calibration: Calibration) -> tuple[object, ...]:
    c = calibration
    return c.method, c.model, c.recipe, c.questions


JOB = Job("calibrate", CalibrateSpec, check, run_calibrate, admits=admits, joint=FAMILY)
