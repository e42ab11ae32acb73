"""Predictions and calibrations as jobs: what is done, what is written, what is refused."""

from pathlib import Path
from typing import Any

import pytest

import litho
from litho.core.config import make_config
from litho.core.errors import LithoError
from litho.core.runs import RunDirectory
from litho.jobs.ensemble import fine_tunes
from litho.jobs.ensemble.config import EnsemblePlan, EnsembleSpec
from litho.jobs.predict.config import CALIBRATION
from litho.jobs.predict.reach import read_calibrations
from litho.learn.recipe import train_and_ask
from litho.learn.records import Recipe
from litho.text.items import NamedText
from tests.builders import QUESTIONS

TEXTS = [NamedText(id=str(i), text=f"The goat number {i} sat on the bridge.") for i in range(10)]
LINEAR = ("q_proj", "k_proj", "v_proj", "o_proj", "up_proj", "gate_proj", "down_proj")
RECIPE = Recipe(steps=1, learning_rate=0.01)


def plan(texts: list[NamedText], **changes: Any) -> EnsembleSpec:  # noqa: ANN401
    values = {"texts": "t", "probes": "p", "models": ("tiny:llama",), "recipes": (RECIPE,)}
    config = EnsemblePlan(**(values | changes))
    return EnsembleSpec(texts=tuple(texts), questions=tuple(QUESTIONS), config=config)


@pytest.fixture(scope="module")
def calibrated(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[int]]:
    """A folder with calibrations, and the seeds of the runs that were made for them."""
    folder, seeds = tmp_path_factory.mktemp("runs"), []

    def counted(model: Any, recipe: Recipe, *rest: Any) -> Any:  # noqa: ANN401
        seeds.append(recipe.seed)
        return train_and_ask(model, recipe, *rest)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fine_tunes, "train_and_ask", counted)
        made = litho.calibrate(plan(TEXTS, seeds=(5, 6)), folder)
    assert [c.questions is None for c in made.root] == [True, False]
    return folder, seeds


def test_a_calibration_trains_with_one_seed(calibrated: tuple[Path, list[int]]) -> None:
    assert calibrated[1] == [5] * len(TEXTS)


def test_a_plan_that_has_grown_too_long_leaves_the_calibrations(
    calibrated: tuple[Path, list[int]],
) -> None:
    before = RunDirectory.opened(calibrated[0]).read_yaml("manifest.yaml")
    with pytest.raises(LithoError, match="max_hours"):
        litho.calibrate(plan(TEXTS, seeds=(7,), max_hours=1e-9), calibrated[0])
    assert RunDirectory.opened(calibrated[0]).read_yaml("manifest.yaml") == before


def test_calibrations_are_not_replaced_by_a_prediction(
    calibrated: tuple[Path, list[int]],
) -> None:
    with pytest.raises(LithoError, match="holds a run of 'litho calibrate'"):
        litho.predict(TEXTS, QUESTIONS, calibrated[0], "tiny:llama")


def test_a_prediction_writes_what_it_returns(
    calibrated: tuple[Path, list[int]], tmp_path: Path
) -> None:
    known = calibrated[0] / CALIBRATION
    result = litho.predict(
        TEXTS, QUESTIONS, tmp_path, "tiny:llama", calibration=known, config=RECIPE
    )
    run = RunDirectory.opened(tmp_path)
    rows = run.read_rows("predictions.parquet")
    assert len(rows) == len(TEXTS) * len(QUESTIONS)
    assert rows == [effect.model_dump() for effect in result.effects]
    assert all(row["low"] < row["delta"] < row["high"] for row in rows)
    assert result.calibration is not None
    written = run.read_json("metrics.json")
    assert set(written["calibration"]) == set(result.calibration.model_dump())
    (used,) = read_calibrations(tmp_path / CALIBRATION)
    assert used.summary() == result.calibration


def test_a_plan_that_is_too_small_is_named(tmp_path: Path) -> None:
    with pytest.raises(LithoError, match="too few to calibrate on"):
        litho.calibrate(plan(TEXTS[:3]), tmp_path / "runs")
    assert not list(tmp_path.iterdir())


def test_a_run_that_was_killed_before_its_report_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    said = f"stopped; all numbers are there: 'litho report {tmp_path}' writes"
    with monkeypatch.context() as patch, pytest.raises(litho.Interrupted, match=said):
        patch.setattr("litho.api.runs._write_report", killed)
        litho.predict(TEXTS, QUESTIONS, tmp_path, "tiny:llama", config=RECIPE)
    with pytest.raises(LithoError, match=f"'litho report {tmp_path}' writes it"):
        litho.resume(tmp_path)
    assert litho.report(tmp_path).is_file()


def test_a_run_that_was_killed_while_its_inputs_were_changed_is_no_mixture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    litho.ensemble(plan(TEXTS[:2]), tmp_path)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(RunDirectory, "write_yaml", killed)
        litho.ensemble(plan(TEXTS[2:4], seeds=(7,)), tmp_path)
    with pytest.raises(LithoError, match="no unfinished run"):
        litho.resume(tmp_path)
    assert litho.ensemble(plan(TEXTS[2:4], seeds=(7,)), tmp_path).texts == 2


@pytest.mark.parametrize(
    "said",
    [
        {"layers": "all"},
        {"target_modules": "all-linear"},
        {"layers": (2, 1, 0)},
        {"target_modules": LINEAR},
    ],
)
def test_a_recipe_that_writes_out_the_default_finds_its_calibration(
    calibrated: tuple[Path, list[int]], tmp_path: Path, said: dict[str, Any]
) -> None:
    recipe = make_config(Recipe, RECIPE.model_dump() | said)
    known = calibrated[0] / CALIBRATION
    found = litho.predict(
        TEXTS[:2], QUESTIONS, tmp_path / "out", "tiny:llama", calibration=known, config=recipe
    )
    assert found.calibration is not None


def test_other_layers_are_another_recipe(
    calibrated: tuple[Path, list[int]], tmp_path: Path
) -> None:
    recipe = RECIPE.model_copy(update={"layers": (0, 1)})
    known = calibrated[0] / CALIBRATION
    found = litho.predict(
        TEXTS[:2], QUESTIONS, tmp_path / "out", "tiny:llama", calibration=known, config=recipe
    )
    assert found.calibration is None
