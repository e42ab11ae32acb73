"""Tokens that the model hardly knows, texts that change on their way."""

from collections.abc import Callable

import pytest

from litho.model.loaded import LanguageModel
from litho.model.read.vocabulary import Vocabulary
from tests.builders import TEXT


def test_a_token_is_undertrained_if_it_lies_with_the_special_ones_and_is_not_repeated(
    make_model: Callable[[str], LanguageModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = make_model("llama")
    weight = model.network.get_input_embeddings().weight.data
    near, far = model.tokens("Q")[0], model.tokens("a")[0]
    weight[near] = weight[model.tokenizer.all_special_ids].mean(0) * 1.1
    vocabulary = Vocabulary(model)
    assert vocabulary.undertrained(near) and not vocabulary.undertrained(far)
    assert "hardly knows: 'Q'" in (vocabulary.complaint(["a Q"]) or "")
    assert vocabulary.complaint(["a Q"], known=[near]) is None
    # One that says it again knows it, wherever its embedding lies.
    model.network.get_output_embeddings().weight.data.fill_(0)
    monkeypatch.setattr("litho.model.read.vocabulary.LEAST_REPEATED", 1 / 300)
    assert not Vocabulary(model).undertrained(near)


def test_text_that_changes_on_its_way_through_the_tokenizer_is_refused(
    make_model: Callable[[str], LanguageModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = make_model("llama")
    monkeypatch.setattr(type(model), "decode", lambda self, ids: "something else")
    assert "way through the tokenizer" in (Vocabulary(model).complaint([TEXT]) or "")
