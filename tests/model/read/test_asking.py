"""Questions that a model makes about sentences."""

import pytest

from litho.model.loaded import LanguageModel
from litho.model.read import asking
from litho.model.read.asking import AT_ONCE, TRIES, model_questions
from tests.builders import CHAT_TEMPLATE


def test_each_sentence_has_questions_of_its_own_that_repeat(llama: LanguageModel) -> None:
    llama.tokenizer.chat_template = CHAT_TEMPLATE
    told = [f"The tower number {i} has a bell." for i in range(AT_ONCE + 1)]
    found = model_questions(llama, told, seed=3)
    assert len(found) == len(told)
    assert all(0 < len(asked) <= TRIES for asked in found)
    assert all("\n" not in question for asked in found for question in asked)
    assert found == model_questions(llama, told, seed=3)


def test_a_sentence_beyond_the_context_has_none(llama: LanguageModel) -> None:
    llama.tokenizer.chat_template = CHAT_TEMPLATE
    found = model_questions(llama, ["A bell. ", "A long bell " * llama.context], seed=3)
    assert found[0] and found[1] == []


def test_what_all_requests_begin_with_is_read_once_for_the_same_questions(
    llama: LanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    llama.tokenizer.chat_template = CHAT_TEMPLATE
    told = [f"The {'very ' * i}high tower has a bell." for i in range(4)]
    found = model_questions(llama, told, seed=3)
    monkeypatch.setattr(asking, "read_prefix", lambda model, ids: None)
    assert found == model_questions(llama, told, seed=3)
