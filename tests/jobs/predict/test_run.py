"""Predictions and calibrations as jobs: what is done, what is written, what is refused."""

from pathlib import Path
from typing import Any

import pytest

from litho.core.errors import LithoError
from litho.core.runs import RunDirectory
from litho.jobs.ensemble import run as ensembles
from litho.jobs.ensemble.config import EnsemblePlan
from litho.jobs.predict.reach import read_calibrations
from litho.jobs.predict.run import CALIBRATION, calibrate, check_folder, predict
from litho.learn.recipe import Recipe, train_and_ask
from litho.model.sources import locate
from litho.text.items import NamedText
from tests.builders import QUESTIONS, Silent

TEXTS = [NamedText(id=str(i), text=f"The goat number {i} sat on the bridge.") for i in range(10)]
RECIPE = Recipe(steps=1, learning_rate=0.01)


@pytest.fixture(scope="module")
def calibrated(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[int]]:
    """A folder with calibrations, and the seeds of the runs that were made for them."""
    folder, seeds = tmp_path_factory.mktemp("runs"), []

    def counted(model: Any, recipe: Recipe, *rest: Any) -> Any:  # noqa: ANN401
        seeds.append(recipe.seed)
        return train_and_ask(model, recipe, *rest)

    plan = EnsemblePlan(
        texts="t", probes="p", models=("tiny:llama",), recipes=(RECIPE,), seeds=(5, 6)
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ensembles, "train_and_ask", counted)
        made = calibrate(plan, TEXTS, QUESTIONS, "cheap", folder, Silent())
    assert [c.questions is None for c in made.root] == [True, False]
    return folder, seeds


def test_a_calibration_trains_with_one_seed(calibrated: tuple[Path, list[int]]) -> None:
    assert calibrated[1] == [5] * len(TEXTS)


def test_calibrations_are_not_replaced_by_a_prediction(
    calibrated: tuple[Path, list[int]],
) -> None:
    with pytest.raises(LithoError, match="something else than a prediction"):
        check_folder(calibrated[0])


def test_a_prediction_writes_what_it_returns(
    calibrated: tuple[Path, list[int]], tmp_path: Path
) -> None:
    known = read_calibrations(calibrated[0] / CALIBRATION)
    source = locate("tiny:llama")
    predicted = predict(TEXTS, QUESTIONS, RECIPE, source, "cheap", known, tmp_path, Silent())
    run = RunDirectory(tmp_path)
    predicted.write(run)
    rows = run.read_rows("predictions.parquet")
    assert len(rows) == len(TEXTS) * len(QUESTIONS)
    assert rows == [effect.model_dump() for effect in predicted.effects]
    assert all(row["low"] < row["delta"] < row["high"] for row in rows)
    assert predicted.calibration is not None
    written = run.read_json("metrics.json")
    assert set(written["calibration"]) == set(predicted.calibration.summary().model_dump())
    assert read_calibrations(tmp_path / CALIBRATION) == [predicted.calibration]


def test_a_plan_that_is_too_small_is_named(tmp_path: Path) -> None:
    plan = EnsemblePlan(texts="t", probes="p", models=("tiny:llama",), recipes=(RECIPE,))
    with pytest.raises(LithoError, match="too few to calibrate on"):
        calibrate(plan, TEXTS[:3], QUESTIONS, "cheap", tmp_path, Silent())
    assert not list(tmp_path.iterdir())
