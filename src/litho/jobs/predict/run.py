"""Runs of `litho predict`: what training on each text would do to each probe."""

from litho.core.files import whole_file
from litho.core.runs import RunDirectory
from litho.jobs.models import Models
from litho.jobs.predict.calibration import Calibration
from litho.jobs.predict.config import CALIBRATION, PredictSpec
from litho.jobs.predict.predictor import Predictor
from litho.jobs.predict.reach import shipped_calibrations, written_calibrations
from litho.jobs.predict.result import PredictResult
from litho.jobs.predict.summary import summary
from litho.jobs.runner import Checked, Context, Job
from litho.learn.recipe import check_inputs


def check(spec: PredictSpec, models: Models) -> Checked:
    """Raises LithoError on a text that cannot be learned, or a probe that cannot be asked."""
    check_inputs(models.load(spec.model), spec.texts, spec.questions)
    return Checked(manifest={"method": spec.method})


def run_predict(context: Context[PredictSpec]) -> PredictResult:
    """Predict every text's effect on every probe; what the run has already is not done again."""
    run, spec = context.run, context.spec
    known = _calibrations(spec)
    predictor = Predictor(
        context.models.load(spec.model),
        spec.config,
        spec.texts,
        spec.questions,
        run.path,
        context.reporter,
    )
    prediction = predictor.predict(spec.method, known)
    result = summary(
        str(run.path), spec.texts, spec.questions, spec.method, prediction, predictor.reach(known)
    )
    run.write_rows("predictions.parquet", [effect.model_dump() for effect in result.effects])
    _write_calibration(run, prediction.calibration)
    return result


def _calibrations(spec: PredictSpec) -> list[Calibration]:
    if spec.calibrations is None:
        return shipped_calibrations()
    return [Calibration(**record.model_dump()) for record in spec.calibrations]


def _write_calibration(run: RunDirectory, calibration: Calibration | None) -> None:
    """The calibration that gave the intervals, in the form that `--calibration` reads."""
    if calibration:
        with whole_file(run.path / CALIBRATION) as temporary:
            temporary.write_bytes(written_calibrations([calibration]))


JOB = Job("predict", PredictSpec, check, run_predict, joint=("predict",))
