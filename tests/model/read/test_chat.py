"""Questions in a model's chat format, and its answers."""

import pytest
import torch

from litho.core.errors import LithoError
from litho.model.loaded import LanguageModel
from litho.model.read.chat import answer, answer_ids, answered, chat_ids, question, replies, reply
from tests.builders import CHAT_TEMPLATE


def slow_reply(model: LanguageModel, ids: list[int], tokens: int) -> str:
    """One token after the other, all read again for each."""
    said: list[int] = []
    for _ in range(tokens):
        with torch.no_grad():
            logits = model.network(input_ids=torch.tensor([ids + said])).logits[0, -1]
        token = int(logits.argmax())
        if token == model.end:
            break
        said.append(token)
    return str(model.tokenizer.decode(said, skip_special_tokens=True)).strip()


def test_the_template_of_the_model_is_used(llama: LanguageModel) -> None:
    llama.tokenizer.chat_template = CHAT_TEMPLATE
    talk = [question("Who?", "A page."), answer("Marek"), question("When?")]
    expected = "<user>A page.\n\nWho?</><assistant>Marek</><user>When?</><assistant>"
    assert chat_ids(llama, talk) == llama.tokens(expected)


def test_without_a_template_questions_are_put_plainly(llama: LanguageModel) -> None:
    llama.tokenizer.chat_template = None
    expected = "Question: Who?\nAnswer: Marek\nQuestion: When?\nAnswer:"
    talk = [question("Who?"), answer("Marek"), question("When?")]
    assert chat_ids(llama, talk) == llama.encode(expected)


def test_a_reply_is_the_likeliest_token_each_time(llama: LanguageModel) -> None:
    llama.tokenizer.chat_template = CHAT_TEMPLATE
    heard: list[str] = []
    said = reply(llama, [question("Who built the clock?")], 12, heard.append)
    assert said == slow_reply(llama, chat_ids(llama, [question("Who built the clock?")]), 12)
    assert "".join(heard).strip() == said and said


def test_an_answer_ends_with_any_token_that_the_model_names(llama: LanguageModel) -> None:
    llama.tokenizer.chat_template = CHAT_TEMPLATE
    asked = [chat_ids(llama, [question(one)]) for one in ("Who?", "Who built the clock?")]
    whole = answer_ids(llama, asked, 12)
    end = whole[1][5]
    llama.unwrapped.generation_config.eos_token_id = [1, end, llama.vocabulary]
    assert llama.ends == [1, end]
    expected = [ids[: ids.index(end) + 1] if end in ids else ids for ids in whole]
    assert answer_ids(llama, asked, 12) == expected != whole
    said = llama.decode(expected[1][:-1]).strip()
    assert reply(llama, [question("Who built the clock?")], 12) == said


def test_replies_to_many_are_those_to_each(llama: LanguageModel) -> None:
    llama.tokenizer.chat_template = CHAT_TEMPLATE
    asked = ("Who?", "Who built the clock?", "Where is the bell now?")
    talks = [[question(one)] for one in asked]
    assert replies(llama, talks, 8) == [reply(llama, talk, 8) for talk in talks]
    assert replies(llama, [], 8) == []


def test_an_answer_is_supervised_with_what_ends_it(llama: LanguageModel) -> None:
    llama.tokenizer.chat_template = CHAT_TEMPLATE
    target = answered(llama, [question("Who?")], "Marek")
    assert llama.decode(target.ids[: target.first]) == "<user>Who?</><assistant>"
    assert llama.decode(target.ids[target.first :]) == "Marek</>"


def test_a_reply_without_a_template_ends_with_its_line(llama: LanguageModel) -> None:
    llama.tokenizer.chat_template = None
    assert "\n" not in reply(llama, [question("Who built the clock?")], 40)


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("{{ raise_exception('system first') }}", "system first"),
        ("{% for m in messages %}{{ m.content.nothing.more }}{% endfor %}", "no attribute"),
        ("{% if %}", "chat template"),
    ],
)
def test_a_template_that_fails_is_named(llama: LanguageModel, template: str, said: str) -> None:
    llama.tokenizer.chat_template = template
    with pytest.raises(LithoError, match="chat template") as found:
        chat_ids(llama, [question("Who?")])
    assert said in str(found.value)


def test_a_question_longer_than_the_context_is_refused(llama: LanguageModel) -> None:
    with pytest.raises(LithoError, match="shorten it"):
        reply(llama, [question("Who? " * llama.context)], 5)
