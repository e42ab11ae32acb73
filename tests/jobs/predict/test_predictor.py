"""What was worked out is kept; precision; independence of other texts."""

from pathlib import Path

import numpy as np
import pytest

from litho.jobs.predict import predictor
from litho.jobs.predict.predictor import Predictor
from litho.learn.records import Recipe
from litho.model.loaded import LanguageModel
from litho.text.items import NamedText
from tests.builders import QUESTIONS, TEXTS, Silent


def test_what_was_worked_out_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, llama: LanguageModel
) -> None:
    def predictor(steps: int) -> Predictor:
        recipe = Recipe(learning_rate=1e-2, steps=steps)
        return Predictor(llama, recipe, TEXTS, QUESTIONS, tmp_path, Silent())

    careful, cheap = predictor(4).predict("short-run", []), predictor(9).predict("first-order", [])
    assert careful.effects_TQ.shape == (len(TEXTS), len(QUESTIONS))
    for name in ("short_run", "first_order"):
        monkeypatch.setattr(
            f"litho.jobs.predict.predictor.{name}", lambda *_: pytest.fail("was kept")
        )
    assert np.array_equal(predictor(4).predict("short-run", []).effects_TQ, careful.effects_TQ)
    assert np.array_equal(predictor(9).predict("first-order", []).effects_TQ, cheap.effects_TQ)
    assert not np.allclose(predictor(4).predict("first-order", []).effects_TQ, cheap.effects_TQ)


@pytest.mark.parametrize("fast", ["bfloat16", "float32"])
def test_small_effects_and_machines_without_bfloat16_are_given_full_precision(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fast: str, llama: LanguageModel
) -> None:
    monkeypatch.setattr(predictor, "training_dtype", lambda _: fast)
    for rate, expected in ((1e-7, "float32"), (0.1, fast)):
        recipe = Recipe(learning_rate=rate, steps=4)
        found = Predictor(llama, recipe, TEXTS, QUESTIONS, tmp_path, Silent())
        assert found._precise_enough() == expected


def test_predictions_do_not_depend_on_the_other_texts(tmp_path: Path, llama: LanguageModel) -> None:
    def effects(texts: list[NamedText], folder: str) -> np.ndarray:
        recipe = Recipe(learning_rate=1e-2, steps=4)
        found = Predictor(llama, recipe, texts, QUESTIONS, tmp_path / folder, Silent())
        return found.predict("short-run", []).effects_TQ

    assert np.allclose(effects(TEXTS[:6], "many")[2], effects(TEXTS[2:3], "one")[0], atol=1e-5)
