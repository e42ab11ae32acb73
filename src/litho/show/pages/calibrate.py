"""The report of `litho calibrate`."""

from litho.core.runs import RunDirectory
from litho.jobs.predict.result import CalibrationResult
from litho.show.figures.effects import checked_figure
from litho.show.page import render
from litho.show.wording import coverage_sentence


def page(run: RunDirectory) -> str:
    """How well predictions of each recipe and number of steps agree with what was measured."""
    calibrations = CalibrationResult.model_validate(run.read_json("metrics.json")).root
    data = {f"figure-checked-{i}": checked_figure(each) for i, each in enumerate(calibrations)}
    summaries = [calibration.summary().model_dump(mode="json") for calibration in calibrations]
    return render(
        "calibrate.html.j2",
        run,
        "Litho calibrate",
        data,
        numbers=summaries,
        calibrations=calibrations,
        coverages=[coverage_sentence(each.coverage) for each in calibrations],
    )
