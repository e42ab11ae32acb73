"""Everyday talk on which a model is held to its base."""

from litho.learn.talk import REPLY_TOKENS, talk_rows
from litho.model.loaded import LanguageModel
from litho.model.read.chat import answered, question, reply
from litho.text.shipped import shipped_lines
from tests.builders import CHAT_TEMPLATE


def test_rows_begin_with_a_request_and_what_the_base_answers(llama: LanguageModel) -> None:
    llama.tokenizer.chat_template = CHAT_TEMPLATE
    rows = talk_rows(llama, 96)
    assert {len(row) for row in rows} == {96}
    asked = [question(shipped_lines("requests.txt")[0])]
    first = answered(llama, asked, reply(llama, asked, REPLY_TOKENS)).ids
    assert rows[0][: len(first)] == list(first[:96])
