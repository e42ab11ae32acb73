"""Predictions of what training on texts would do, and calibrations that give them intervals."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from litho.core.errors import LithoError
from litho.core.files import whole_file
from litho.core.reporter import Reporter
from litho.core.runs import RunDirectory
from litho.jobs.ensemble.config import EnsemblePlan
from litho.jobs.ensemble.run import Ensemble
from litho.jobs.predict.calibration import FEWEST, Calibration
from litho.jobs.predict.config import Price
from litho.jobs.predict.predictor import Predictor
from litho.jobs.predict.reach import read_calibrations, written_calibrations
from litho.jobs.predict.result import CalibrationResult, PredictedEffect, PredictResult
from litho.jobs.predict.summary import predicted_effects, summary
from litho.learn.recipe import Recipe
from litho.measure.agreement import FEWEST as RANKED
from litho.model.sources import ModelSource, locate
from litho.text.items import NamedText, Question

CALIBRATION = "calibration.json"


@dataclass(frozen=True)
class Predicted:
    """A result with the table behind it."""

    result: PredictResult
    effects: list[PredictedEffect]  # text by text, probe by probe
    calibration: Calibration | None  # that gave them their intervals

    def write(self, run: RunDirectory) -> None:
        """Write the numbers of a prediction; its calibration in the form that `predict` reads."""
        run.write_rows("predictions.parquet", [effect.model_dump() for effect in self.effects])
        run.write_json("metrics.json", self.result.model_dump())
        if self.calibration:
            with whole_file(run.path / CALIBRATION) as temporary:
                temporary.write_bytes(written_calibrations([self.calibration]))


def predict(
    texts: Sequence[NamedText],
    questions: Sequence[Question],
    recipe: Recipe,
    source: ModelSource,
    price: Price,
    calibrations: Sequence[Calibration],
    folder: Path,
    reporter: Reporter,
) -> Predicted:
    """Predict every text's effect on every probe; what is in `folder` already is not done again.

    Raises LithoError if the folder holds something else, or on a text that does not fit.
    """
    check_folder(folder)
    predictor = Predictor(source, recipe, texts, questions, folder, reporter)
    prediction = predictor.predict(price, calibrations)
    result = summary(texts, questions, price, prediction, predictor.reach(calibrations))
    return Predicted(
        result, predicted_effects(texts, questions, prediction), prediction.calibration
    )


def check_folder(folder: Path) -> None:
    """Raises LithoError if a folder holds something else than a prediction."""
    manifest = folder / "manifest.yaml"
    own = manifest.exists()
    own = own and RunDirectory(folder).read_yaml("manifest.yaml")["command"] == "predict"
    # Calibrations of an ensemble would give way to the one that is used here.
    others = any((folder / name).exists() for name in ("metrics.json", CALIBRATION))
    if others and not own:
        raise LithoError(f"{folder} holds something else than a prediction: choose another --out")


def calibrate(
    plan: EnsemblePlan,
    texts: Sequence[NamedText],
    questions: Sequence[Question],
    price: Price,
    folder: Path,
    reporter: Reporter,
) -> CalibrationResult:
    """Fit predictions to the runs of a plan with its first seed, doing those that are left.

    The fits are also in the calibration.json of `folder`, with those for other prices, models,
    recipes and probes that were there. Raises LithoError on a plan that is too small or of more
    than one model.
    """
    if len(plan.models) > 1 or plan.sample:
        raise LithoError("a calibration is for one model and all runs of a plan, not for a sample")
    if len(texts) < FEWEST or len(questions) < RANKED:
        raise LithoError(
            f"{len(texts)} texts and {len(questions)} probes are too few to calibrate on: at least "
            f"{FEWEST} and {RANKED} are needed"
        )
    path = folder / CALIBRATION
    kept = read_calibrations(path) if path.exists() else []
    once = plan.model_copy(update={"seeds": plan.seeds[:1]})  # others would measure the same again
    fits = list(_fits(Ensemble(once, texts, questions, folder, reporter), price))
    again = [_what_for(c) for c in fits]
    kept = [c for c in kept if _what_for(c) not in again]
    with whole_file(path) as temporary:
        temporary.write_bytes(written_calibrations([*kept, *fits]))
    return CalibrationResult(tuple(fits))


def _fits(ensemble: Ensemble, price: Price) -> Iterator[Calibration]:
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
                locate(plan.models[0]),
                recipe.model_copy(update={"steps": step, "seed": seed}),
                ensemble.texts,
                ensemble.questions,
                ensemble.folder,
                ensemble.reporter,
            )
            rows = [measured[text.id] for text in ensemble.texts]
            yield from predictor.calibrated(price, np.array(rows))


def _what_for(calibration: Calibration) -> tuple[object, ...]:
    c = calibration
    return c.price, c.model, c.recipe, c.questions
