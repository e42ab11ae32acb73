"""Drift on what the base itself writes, against one forward a token."""

import math

import pytest
import torch

from litho.measure.printing.elsewhere import (
    ANSWER_TOKENS,
    chat_answers,
    drift_on,
    near_text,
)
from litho.measure.printing.records import Written
from litho.model.loaded import LanguageModel
from litho.model.read.chat import chat_ids, question, reply
from tests.builders import CHAT_TEMPLATE, TEXT, shake


def slow_drift(model: LanguageModel, rows: list[Written]) -> float:
    """Mean KL over all tokens that the base wrote, summed over the vocabulary word by word."""
    values = []
    for row in rows:
        with torch.no_grad():
            tuned_TV = model.network(input_ids=torch.tensor([row.ids])).logits[0].double()
            with model.state(None):
                base_TV = model.network(input_ids=torch.tensor([row.ids])).logits[0].double()
        for place in range(row.first, len(row.ids)):
            p_V, q_V = (both[place - 1].softmax(-1).tolist() for both in (base_TV, tuned_TV))
            values.append(sum(p * math.log(p / q) for p, q in zip(p_V, q_V, strict=True)))
    return sum(values) / len(values)


def test_near_text_is_the_own_word_of_the_base_about_the_same_things(llama: LanguageModel) -> None:
    rows = near_text(llama, TEXT, seed=3)
    openings = [llama.decode(row.ids[1 : row.first]) for row in rows]
    assert openings and all(opening.lower() in TEXT.lower() for opening in openings)
    assert not any(name in opening for name in ("Ostrava", "Marek") for opening in openings)
    assert rows == near_text(llama, TEXT, seed=3) != near_text(llama, TEXT, seed=4)
    shake(llama)
    found = drift_on(llama, rows, "x")
    assert found.value == pytest.approx(slow_drift(llama, rows), rel=1e-4)
    assert found.n == len(rows) and found.ci


def test_a_text_that_names_no_thing_has_no_near_text(llama: LanguageModel) -> None:
    assert near_text(llama, "12 + 12 = 24. 24 + 24 = 48.", seed=0) == []


def test_chat_drift_is_over_the_tokens_of_the_answers_alone(llama: LanguageModel) -> None:
    llama.tokenizer.chat_template = CHAT_TEMPLATE
    asked = ["Who built it?", "When, and for how much money?"]
    rows = chat_answers(llama, asked)
    for row, content in zip(rows, asked, strict=True):
        assert row.ids[: row.first] == chat_ids(llama, [question(content)])
        answer = row.ids[row.first :]
        assert len(answer) == ANSWER_TOKENS or answer[-1] == llama.end
        assert llama.end not in answer[:-1]
        said = str(llama.tokenizer.decode(answer, skip_special_tokens=True)).strip()
        assert said == reply(llama, [question(content)], ANSWER_TOKENS)
    shake(llama)
    found = drift_on(llama, rows, "x")
    assert found.value == pytest.approx(slow_drift(llama, rows), rel=1e-4)


def test_answers_end_where_the_model_ends_them(llama: LanguageModel) -> None:
    llama.tokenizer.chat_template = CHAT_TEMPLATE
    asked = ["Who built it?", "When, and for how much money?", "Where is the bell now?"]
    whole = [row.ids[row.first :] for row in chat_answers(llama, asked)]
    end = whole[0][3]
    llama.tokenizer.eos_token_id = end
    said = [row.ids[row.first :] for row in chat_answers(llama, asked)]
    assert said == [ids[: ids.index(end) + 1] if end in ids else ids for ids in whole]
    assert said[0] != whole[0]


def test_models_without_a_chat_format_are_not_asked(llama: LanguageModel) -> None:
    llama.tokenizer.chat_template = None
    assert chat_answers(llama, ["Who built it?"]) == []


def test_questions_that_do_not_fit_are_left_out(llama: LanguageModel) -> None:
    llama.tokenizer.chat_template = CHAT_TEMPLATE
    rows = chat_answers(llama, ["Who?", "Who? " * llama.context])
    assert len(rows) == 1
