"""What a model offers to the operators."""

from collections.abc import Callable

import pytest

from litho.measure.scorer import ModelScorer
from litho.model.loaded import LanguageModel
from tests.builders import TEXT


def test_alternatives_replace_whole_lower_case_words(
    make_model: Callable[[str], LanguageModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    # A byte model has no whole-word tokens, so that it must offer nothing.
    assert ModelScorer(make_model("llama")).alternatives(TEXT) == []
