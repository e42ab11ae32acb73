"""Questions put to a model and its answers, in the model's own chat format where it has one."""

import zlib
from collections.abc import Callable, Sequence

import torch
from transformers import GenerationConfig, PreTrainedTokenizerBase, TextStreamer

from litho.core.errors import LithoError, first_line
from litho.model.loaded import LanguageModel
from litho.model.placement import sizes
from litho.model.read.sampling import generate, padded_in_front, without_settings
from litho.model.read.scoring import Target, batches, common_length

AT_ONCE = 4  # times as many tokens as in a pass: each word needs one, however many rows there are

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
    return _rendered(model, messages, asking=True)


def answered(model: LanguageModel, messages: Sequence[Message], content: str) -> Target:
    """A conversation with its answer and what ends that; the tokens from the answer on count.

    Raises LithoError if the template of the model fails.
    """
    asked = chat_ids(model, messages)
    whole = _rendered(model, [*messages, answer(content)], asking=False)
    return Target(tuple(whole), common_length(asked, whole))


def _rendered(model: LanguageModel, messages: Sequence[Message], asking: bool) -> list[int]:
    """`asking`: up to where the next answer begins."""
    if not model.tokenizer.chat_template:
        turns = {"user": "Question: {}\nAnswer:", "assistant": " {}\n"}
        return model.encode("".join(turns[m["role"]].format(m["content"]) for m in messages))
    try:
        text = model.tokenizer.apply_chat_template(
            list(messages), tokenize=False, add_generation_prompt=asking
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
    ids = ids_with_room(model, messages, tokens)
    teller = _Teller(model.tokenizer, said) if said else None
    return _text(model, _answers(model, [ids], tokens, teller)[0])


def replies(model: LanguageModel, talks: Sequence[Sequence[Message]], tokens: int) -> list[str]:
    """`reply` to each of several conversations, many at once."""
    asked = [ids_with_room(model, messages, tokens) for messages in talks]
    return [_text(model, ids) for ids in answer_ids(model, asked, tokens)]


def drawn_replies(
    model: LanguageModel, talks: Sequence[Sequence[Message]], tokens: int, seed: str, heat: float
) -> list[str]:
    """An answer to each of several conversations, drawn at the temperature `heat`.

    Raises LithoError as `reply` does, or where the model cannot be sampled from.
    """
    asked = [ids_with_room(model, messages, tokens) for messages in talks]
    answers = [""] * len(asked)
    together = AT_ONCE * sizes(model.device).pass_tokens
    for group in batches([len(ids) + tokens for ids in asked], model.device, together):
        ids_BT, mask_BT = padded_in_front(model, [asked[i] for i in group])
        found = generate(
            model,
            ids_BT,
            zlib.crc32(f"{seed} {group}".encode()),
            mask_BT,
            temperature=heat,
            top_k=0,
            max_new_tokens=tokens,
        )
        for i, ids in zip(group, found[:, ids_BT.shape[1] :].tolist(), strict=True):
            answers[i] = _text(model, _ended(ids, model.ends))
    return answers


def answer_ids(
    model: LanguageModel, asked: Sequence[Sequence[int]], tokens: int
) -> list[list[int]]:
    """Token ids of the answer to each of several conversations, given as `chat_ids`.

    Each token is the likeliest; up to the one that ends the answer, at most `tokens` of them.
    """
    answers: list[list[int]] = [[] for _ in asked]
    together = AT_ONCE * sizes(model.device).pass_tokens
    for group in batches([len(ids) + tokens for ids in asked], model.device, together):
        found = _answers(model, [asked[i] for i in group], tokens)
        for i, ids in zip(group, found, strict=True):
            answers[i] = ids
    return answers


def ids_with_room(model: LanguageModel, messages: Sequence[Message], tokens: int) -> list[int]:
    """`chat_ids`; raises LithoError if so many tokens of an answer do not fit behind them."""
    ids = chat_ids(model, messages)
    if len(ids) + tokens > model.context:
        raise LithoError(
            f"the question has {len(ids)} tokens with what stands before it, and {tokens} are kept "
            f"for the answer, but {model.source.name} reads {model.context}: shorten it"
        )
    return ids


@torch.no_grad()
def _answers(
    model: LanguageModel,
    rows: Sequence[Sequence[int]],
    tokens: int,
    teller: TextStreamer | None = None,
) -> list[list[int]]:
    ends: dict[str, object] = {}
    if not model.tokenizer.chat_template:
        ends = {"stop_strings": ["\n"], "tokenizer": model.tokenizer}
    config = GenerationConfig(
        do_sample=False,
        max_new_tokens=tokens,
        pad_token_id=model.pad,
        eos_token_id=model.ends or None,
    )
    ids_BT, mask_BT = padded_in_front(model, rows)
    with without_settings(model):
        found = model.network.generate(
            ids_BT, attention_mask=mask_BT, generation_config=config, streamer=teller, **ends
        )
    return [_ended(ids, model.ends) for ids in found[:, ids_BT.shape[1] :].tolist()]


def _ended(ids: list[int], ends: Sequence[int]) -> list[int]:
    """Up to the first token that ends them, and with it."""
    last = next((place for place, token in enumerate(ids) if token in ends), len(ids))
    return ids[: last + 1]


def _text(model: LanguageModel, answer: list[int]) -> str:
    said = [token for token in answer if token not in model.ends]
    return str(model.tokenizer.decode(said, skip_special_tokens=True)).strip()


class _Teller(TextStreamer):
    """Hands on what is generated, word by word."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase, said: Callable[[str], object]) -> None:
        super().__init__(tokenizer, skip_prompt=True, skip_special_tokens=True)
        self._said = said

    def on_finalized_text(self, text: str, stream_end: bool = False) -> None:
        self._said(text)
