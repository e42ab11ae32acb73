"""Whether the model can read a text."""

import pytest

from litho.measure.readability import bits_per_byte, foreign_notice
from litho.measure.volatility import read
from litho.model.loaded import LanguageModel
from tests.builders import TEXT


def test_a_text_in_signs_the_model_cannot_read_is_called_foreign(
    llama: LanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert bits_per_byte(llama, TEXT) == pytest.approx(
        read(llama, (TEXT,)).surprise_N.sum().item() / 0.6931472 / len(TEXT.encode()), rel=1e-5
    )
    costs = {"own": 1.0, "text": 1.9}
    monkeypatch.setattr(
        "litho.measure.readability.bits_per_byte",
        lambda model, text: costs["text" if text in TEXT else "own"],
    )
    assert foreign_notice(llama, TEXT, seed=0) == []
    costs["text"] = 2.1
    assert "2.1 bits a byte, and 1.0 for its own" in foreign_notice(llama, TEXT, seed=0)[0]
