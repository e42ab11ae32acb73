"""What training on each of many texts does to probes: done, and predicted."""

from collections.abc import Sequence
from pathlib import Path
from threading import Event as Flag
from typing import TYPE_CHECKING, cast

from litho.api.arguments import (
    Progress,
    device_given,
    model_name,
    plan_given,
    settings_given,
    workers_given,
)
from litho.api.runs import run_job
from litho.jobs import DEFAULT_MODEL
from litho.jobs.ensemble.config import EnsembleSpec
from litho.jobs.predict.config import CalibrateSpec, PredictSpec
from litho.jobs.predict.method import checked_method
from litho.jobs.spec import Device
from litho.learn.records import Recipe
from litho.text.items import NamedText, Question, read_questions, read_texts

if TYPE_CHECKING:
    from litho.jobs.ensemble.result import EnsembleResult
    from litho.jobs.predict.result import CalibrationResult, PredictResult
    from litho.model.loaded import LanguageModel


def ensemble(
    plan: "Path | EnsembleSpec",
    out: Path,
    *,
    device: str | Device = "auto",
    cluster: str | None = None,
    processes: int = 1,
    progress: Progress | None = None,
    cancel: Flag | None = None,
) -> "EnsembleResult":
    """Many micro fine-tunes: train on many texts one by one, and see what each does to each probe.

    `plan`: a YAML file, or what `litho.jobs.ensemble.config.read_plan` made of one. A run in `out`
    that was stopped, or whose plan has grown, is gone on with. `cluster`: the address of a Ray
    cluster that does the runs; `processes`: how many do them on this machine. Raises LithoError if
    the plan, a text or a probe is unusable.
    """
    spec = plan_given(plan, device)
    workers = workers_given(cluster, processes)
    return cast("EnsembleResult", run_job("ensemble", spec, out, None, progress, cancel, workers))


def calibrate(
    plan: "Path | EnsembleSpec",
    out: Path,
    *,
    device: str | Device = "auto",
    method: str = "first-order",
    cluster: str | None = None,
    processes: int = 1,
    progress: Progress | None = None,
    cancel: Flag | None = None,
) -> "CalibrationResult":
    """Fit predictions to the runs of an ensemble, so that others come with intervals.

    Runs that `out` has already are not done again; the fits go into its calibration.json. Raises
    LithoError if the plan is too small, or of more than one model.
    """
    planned = plan_given(plan, device)
    fields = {name: getattr(planned, name) for name in EnsembleSpec.model_fields}
    spec = CalibrateSpec(**fields, method=checked_method(method))
    workers = workers_given(cluster, processes)
    return cast(
        "CalibrationResult", run_job("calibrate", spec, out, None, progress, cancel, workers)
    )


def predict(
    texts: Path | Sequence[NamedText],
    probes: Path | Sequence[Question],
    out: Path,
    model: "str | LanguageModel" = DEFAULT_MODEL,
    *,
    device: str | Device = "auto",
    method: str = "first-order",
    calibration: Path | None = None,
    config: Recipe | None = None,
    progress: Progress | None = None,
    cancel: Flag | None = None,
    **recipe: object,
) -> "PredictResult":
    """What training on each text would do to each probe, without training.

    `method`: first-order, or short-run, which is dearer and reaches further. `calibration`: what
    `calibrate` wrote; none: those shipped with Litho. `recipe`: how it would be trained on. Raises
    LithoError if a text, a probe or the calibration is unusable.
    """
    from litho.jobs.predict.reach import read_calibrations

    spec = PredictSpec(
        texts=tuple(read_texts(texts) if isinstance(texts, Path) else texts),
        questions=tuple(read_questions(probes) if isinstance(probes, Path) else probes),
        model=model_name(model),
        device=device_given(device),
        method=checked_method(method),
        calibrations=tuple(read_calibrations(calibration)) if calibration else None,
        config=settings_given(Recipe, config, recipe),
    )
    return cast("PredictResult", run_job("predict", spec, out, model, progress, cancel))
