"""What predictions and calibrations start from; no torch."""

from litho.jobs.ensemble.config import EnsembleSpec
from litho.jobs.predict.method import Method
from litho.jobs.predict.result import CalibrationRecord
from litho.jobs.spec import ModelSpec
from litho.learn.records import Recipe
from litho.text.items import NamedText, Question

CALIBRATION = "calibration.json"


class PredictSpec(ModelSpec):
    """Texts that would be trained on by a recipe, and probes that would be asked."""

    texts: tuple[NamedText, ...]
    questions: tuple[Question, ...]
    method: Method = "first-order"
    calibrations: tuple[CalibrationRecord, ...] | None = None  # None: those shipped with Litho
    config: Recipe = Recipe()


class CalibrateSpec(EnsembleSpec):
    """A plan whose runs predictions are fitted to."""

    method: Method = "first-order"
