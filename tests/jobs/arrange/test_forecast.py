"""Predictions of sequences against those of `litho predict`, and by hand."""

from pathlib import Path

import numpy as np
import pytest

from litho.core.work import WorkLedger
from litho.jobs.arrange.forecast import FirstOrderForecast, forecast_of
from litho.jobs.predict.predictor import Predictor
from litho.learn.records import Recipe
from litho.model.loaded import LanguageModel
from tests.builders import QUESTIONS, TEXTS, Silent

SOME = TEXTS[:3]


@pytest.mark.parametrize("readings", [1, 6])
def test_of_one_document_it_is_what_predict_says(
    llama: LanguageModel, tmp_path: Path, readings: int
) -> None:
    recipe = Recipe(rank=2, learning_rate=0.01, steps=12)
    ledger = WorkLedger(tmp_path)
    forecast = forecast_of(llama, recipe, SOME, QUESTIONS, ledger, Silent())
    fewer = recipe.model_copy(update={"steps": readings})
    (tmp_path / "predict").mkdir()
    predictor = Predictor(llama, fewer, SOME, QUESTIONS, tmp_path / "predict", Silent())
    effects_TQ = predictor.predict("first-order", []).effects_TQ
    for text, effects_Q in zip(SOME, effects_TQ, strict=True):
        assert forecast((text.id,) * readings) == pytest.approx(effects_Q.mean(), rel=1e-4)
    # Kept: gone on with, it takes no gradients again, and says the same.
    again = forecast_of(llama, recipe, SOME, QUESTIONS, ledger, Silent(stop_after=1))
    assert np.array_equal(again.rises_RD, forecast.rises_RD) and again.seconds == forecast.seconds


def test_of_several_it_is_the_sum_in_any_order() -> None:
    rises_RD = np.array([[1.0, 10.0], [1.5, 15.0], [1.75, 17.5]])
    forecast = FirstOrderForecast(["a", "b"], rises_RD, 0.0)
    assert forecast(("a", "b", "a")) == forecast(("b", "a", "a")) == 1.5 + 10.0
    assert forecast(("b", "b", "b")) == 17.5
