"""Answers in the chat format that are shown with the versions of a text."""

from litho.model.loaded import LanguageModel
from litho.model.read.chat import answered, question
from litho.present.replies import conversations_about, replies_by_turns
from litho.text.questions import Conversation
from litho.text.sentences import sentences
from tests.builders import CHAT_TEMPLATE, TEXT


def talk(count: int, asked: int) -> list[list[Conversation]]:
    return [
        [Conversation(question=f"What is {i}.{j}?", answer=f"It is {i}.") for j in range(asked)]
        for i in range(count)
    ]


def test_sentences_take_turns_and_their_questions_do(llama: LanguageModel) -> None:
    llama.tokenizer.chat_template = CHAT_TEMPLATE
    about = talk(3, 2)
    shown = replies_by_turns(llama, about, 2, 3, seed=0)
    targets = {
        (i, j): answered(llama, [question(one.question)], one.answer)
        for i, group in enumerate(about)
        for j, one in enumerate(group)
    }
    assert {target.ids for target in shown[0]} == {targets[i, 0].ids for i in range(3)}
    assert {target.ids for target in shown[1]} == {targets[i, 1].ids for i in range(3)}


def test_what_is_longer_than_the_context_is_not_shown(llama: LanguageModel) -> None:
    llama.tokenizer.chat_template = CHAT_TEMPLATE
    long = [[Conversation(question="What?", answer="A bell " * llama.context)]]
    assert replies_by_turns(llama, long, 2, 3, seed=0) == []
    (shown,) = replies_by_turns(llama, [*long, *talk(1, 1)], 1, 2, seed=0)
    assert len({target.ids for target in shown}) == 1


def test_a_text_is_asked_about_sentence_by_sentence(llama: LanguageModel) -> None:
    llama.tokenizer.chat_template = CHAT_TEMPLATE
    about = conversations_about(llama, TEXT, seed=0)
    assert [{one.answer for one in group} for group in about] == [{s} for s in sentences(TEXT)]
    assert about == conversations_about(llama, TEXT, seed=0)
