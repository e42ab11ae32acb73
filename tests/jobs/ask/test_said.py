"""Surprise of the tokens of an answer, and a conversation that somebody else keeps."""

import pytest
import torch

from litho.core.errors import LithoError
from litho.jobs.ask.chat import chat
from litho.jobs.ask.said import said_tokens
from litho.model.loaded import LanguageModel
from litho.model.read.chat import chat_ids, question, reply
from litho.model.read.scoring import Target
from tests.builders import slow_logprob

ASKED = [question("Who built it?")]


@torch.no_grad()
def test_each_token_surprises_as_much_as_it_does_read_alone(llama: LanguageModel) -> None:
    answer = "Marek Dolný"
    tokens = said_tokens(llama, ASKED, answer)
    assert "".join(token.text for token in tokens) == answer
    asked = chat_ids(llama, ASKED)
    ids = llama.tokenizer(answer, add_special_tokens=False).input_ids
    slow = [
        -slow_logprob(llama, Target((*asked, *ids[: end + 1]), len(asked) + end))
        for end in range(len(ids))
    ]
    assert [token.surprise for token in tokens] == pytest.approx(slow, abs=1e-3)
    assert said_tokens(llama, ASKED, "") == ()


def test_a_turn_is_what_reply_says_and_a_system_is_heard(llama: LanguageModel) -> None:
    pieces: list[str] = []
    answer = chat(llama, None, ASKED, 5, pieces.append)
    assert answer.content == reply(llama, ASKED, 5) == "".join(pieces).strip()
    assert answer.prompt_tokens == len(chat_ids(llama, ASKED))
    system = {"role": "system", "content": "Be brief."}
    told = chat(llama, None, [system, *ASKED], 5)
    assert told.prompt_tokens == len(chat_ids(llama, [question("Be brief.\n\nWho built it?")]))
    with pytest.raises(LithoError, match="no message of a user"):
        chat(llama, None, [system], 5)
