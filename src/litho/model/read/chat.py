"""Questions put to a model and its answers, in the model's own chat format where it has one."""

from collections.abc import Callable, Sequence

import torch
from transformers import GenerationConfig, PreTrainedTokenizerBase, TextStreamer

from litho.core.errors import LithoError, first_line
from litho.model.loaded import LanguageModel
from litho.model.read.sampling import without_settings

Message = dict[str, str]  # one turn: `role`, user or assistant, and `content`


def question(content: str, page: str = "") -> Message:
    """A question of a user, with a page in front of it (the open book) if one is given."""
    return {"role": "user", "content": f"{page.strip()}\n\n{content}" if page else content}


def answer(content: str) -> Message:
    """An answer of the model."""
    return {"role": "assistant", "content": content}


def chat_ids(model: LanguageModel, messages: Sequence[Message]) -> list[int]:
    """Token ids of a conversation up to where the model's answer begins.

    A model without a chat template reads `Question:` and `Answer:`. Raises LithoError if its
    template fails.
    """
    if not model.tokenizer.chat_template:
        turns = {"user": "Question: {}\nAnswer:", "assistant": " {}\n"}
        return model.encode("".join(turns[m["role"]].format(m["content"]) for m in messages))
    try:
        text = model.tokenizer.apply_chat_template(
            list(messages), tokenize=False, add_generation_prompt=True
        )
    except Exception as error:  # templates are programs of their own
        raise LithoError(
            f"the chat template of {model.source.name} fails on a question: {first_line(error)}; "
            "mend chat_template in its tokenizer_config.json, or remove it"
        ) from None
    ids: list[int] = model.tokenizer(text, add_special_tokens=False).input_ids
    if max(ids, default=0) >= model.vocabulary:
        raise LithoError(
            f"the chat template of {model.source.name} uses tokens that its embedding does not "
            "have: resize the embedding to the tokenizer"
        )
    return ids


@torch.no_grad()
def reply(
    model: LanguageModel,
    messages: Sequence[Message],
    tokens: int,
    said: Callable[[str], object] | None = None,
) -> str:
    """What the model answers, each token the likeliest, at most `tokens` of them.

    `said` is called with each piece of the answer as it comes. Raises LithoError if conversation
    and answer are longer than the context.
    """
    ids = chat_ids(model, messages)
    if len(ids) + tokens > model.context:
        raise LithoError(
            f"the question has {len(ids)} tokens with what stands before it, and {tokens} are kept "
            f"for the answer, but {model.source.name} reads {model.context}: shorten it"
        )
    ends: dict[str, object] = {}
    if not model.tokenizer.chat_template:
        ends = {"stop_strings": ["\n"], "tokenizer": model.tokenizer}
    config = GenerationConfig(
        do_sample=False, max_new_tokens=tokens, pad_token_id=model.pad, eos_token_id=model.end
    )
    ids_BT = torch.tensor([ids], device=model.device)
    with without_settings(model):
        found = model.network.generate(
            ids_BT,
            attention_mask=torch.ones_like(ids_BT),
            generation_config=config,
            streamer=_Teller(model.tokenizer, said) if said else None,
            **ends,
        )
    answer = model.tokenizer.decode(found[0, len(ids) :], skip_special_tokens=True)
    return str(answer).strip()


class _Teller(TextStreamer):
    """Hands on what is generated, word by word."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase, said: Callable[[str], object]) -> None:
        super().__init__(tokenizer, skip_prompt=True, skip_special_tokens=True)
        self._said = said

    def on_finalized_text(self, text: str, stream_end: bool = False) -> None:
        self._said(text)
