"""The report of `litho predict`."""

from litho.core.runs import RunDirectory
from litho.jobs.predict.result import CalibrationRecord, PredictedEffect, PredictResult
from litho.show.figures.effects import checked_figure, predicted_figure
from litho.show.page import render
from litho.show.say import say
from litho.show.wording import agreement_sentence, coverage_sentence


def page(run: RunDirectory) -> str:
    """Every effect, how far to rely on it, and what it means for the texts."""
    result = PredictResult(**run.read_json("metrics.json"))
    effects = [PredictedEffect(**row) for row in run.read_rows("predictions.parquet")]
    calibration = result.calibration
    trusted = sum(effect.trusted for effect in effects)
    data = {"figure-effects": predicted_figure(effects)}
    headline = say("Estimates without intervals")
    says = say("Nothing was run to check them against.")
    if calibration:
        whole = CalibrationRecord(**run.read_json("calibration.json")[0])
        data["figure-checked"] = checked_figure(whole)
        headline = _relied_on(trusted, len(effects))
        says = f"{agreement_sentence(calibration)} {coverage_sentence(calibration.coverage)}"
    return render(
        "predict.html.j2",
        run,
        "Litho predict",
        data,
        result=result,
        texts=len({effect.text for effect in effects}),
        probes=len({effect.probe for effect in effects}),
        headline=headline,
        says=says,
    )


def _relied_on(trusted: int, predictions: int) -> str:
    if not trusted:
        return say("Not to be relied on: run it")
    if trusted == predictions:
        return say("Predictions reach this recipe")
    share = f"{100 * trusted / predictions:.0f}"
    return say("{share} % of the predictions can be relied on", share=share)
