"""What was worked out is kept; precision; independence of other texts."""

from pathlib import Path

import numpy as np
import pytest

from litho.core.errors import LithoError
from litho.jobs.predict import predictor
from litho.jobs.predict.predictor import Predictor
from litho.learn.records import Recipe
from litho.model.sources import locate
from litho.text.items import NamedText
from tests.builders import QUESTIONS, TEXT, TEXTS, Silent


def test_what_was_worked_out_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def predictor(steps: int) -> Predictor:
        recipe = Recipe(learning_rate=1e-2, steps=steps)
        return Predictor(locate("tiny:llama"), recipe, TEXTS, QUESTIONS, tmp_path, Silent())

    careful, cheap = predictor(4).predict("short-run", []), predictor(9).predict("first-order", [])
    assert careful.effects_TQ.shape == (len(TEXTS), len(QUESTIONS))
    for name in ("short_run", "first_order"):
        monkeypatch.setattr(
            f"litho.jobs.predict.predictor.{name}", lambda *_: pytest.fail("was kept")
        )
    assert np.array_equal(predictor(4).predict("short-run", []).effects_TQ, careful.effects_TQ)
    assert np.array_equal(predictor(9).predict("first-order", []).effects_TQ, cheap.effects_TQ)
    assert not np.allclose(predictor(4).predict("first-order", []).effects_TQ, cheap.effects_TQ)


def test_a_text_that_does_not_fit_is_named(tmp_path: Path) -> None:
    text = [NamedText(id="endless", text=TEXT * 200)]
    found = Predictor(locate("tiny:llama"), Recipe(), text, QUESTIONS, tmp_path, Silent())
    with pytest.raises(LithoError, match="'endless' has"):
        found.predict("first-order", [])


@pytest.mark.parametrize("fast", ["bfloat16", "float32"])
def test_small_effects_and_machines_without_bfloat16_are_given_full_precision(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fast: str
) -> None:
    monkeypatch.setattr(predictor, "training_dtype", lambda _: fast)
    for rate, expected in ((1e-7, "float32"), (0.1, fast)):
        recipe = Recipe(learning_rate=rate, steps=4)
        found = Predictor(locate("tiny:llama"), recipe, TEXTS, QUESTIONS, tmp_path, Silent())
        assert found._precise_enough() == expected


def test_predictions_do_not_depend_on_the_other_texts(tmp_path: Path) -> None:
    def effects(texts: list[NamedText], folder: str) -> np.ndarray:
        recipe = Recipe(learning_rate=1e-2, steps=4)
        source, path = locate("tiny:llama"), tmp_path / folder
        found = Predictor(source, recipe, texts, QUESTIONS, path, Silent())
        return found.predict("short-run", []).effects_TQ

    assert np.allclose(effects(TEXTS[:6], "many")[2], effects(TEXTS[2:3], "one")[0], atol=1e-5)
