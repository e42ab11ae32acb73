"""A conversation that somebody else keeps, gone on with by one turn."""

from collections.abc import Callable, Sequence

from litho.core.errors import LithoError
from litho.core.records import Record
from litho.model.loaded import LanguageModel
from litho.model.read.chat import Message, chat_ids, reply


class ChatAnswer(Record):
    """The answer, and what it took."""

    content: str
    prompt_tokens: int
    completion_tokens: int
    whole: bool  # false: it was cut off at the limit


def chat(
    model: LanguageModel,
    adapter: str | None,
    messages: Sequence[Message],
    tokens: int,
    said: Callable[[str], object] | None = None,
) -> ChatAnswer:
    """What the model, or an adapter on it, answers to the last of the messages; every token is the
    likeliest.

    What a system says stands before the first question where the model's format has no place for
    it. Raises LithoError if the conversation cannot be answered.
    """
    messages = _turns(model, messages)
    asked = len(chat_ids(model, messages))
    with model.state(adapter):
        content = reply(model, messages, tokens, said)
    count = len(model.tokenizer(content, add_special_tokens=False).input_ids)
    return ChatAnswer(
        content=content,
        prompt_tokens=asked,
        completion_tokens=count,
        whole=count < tokens,
    )


def _turns(model: LanguageModel, messages: Sequence[Message]) -> list[Message]:
    if not any(message["role"] == "user" for message in messages):
        raise LithoError("there is no message of a user to answer")
    if model.tokenizer.chat_template and "system" in model.tokenizer.chat_template:
        return list(messages)
    system = "\n\n".join(m["content"] for m in messages if m["role"] == "system")
    rest = [message for message in messages if message["role"] != "system"]
    if not system:
        return rest
    first = next(i for i, message in enumerate(rest) if message["role"] == "user")
    content = f"{system}\n\n{rest[first]['content']}"
    return [*rest[:first], {"role": "user", "content": content}, *rest[first + 1 :]]
