"""How much each token of an answer surprised the model that gave it."""

from collections.abc import Sequence

import torch

from litho.core.records import Record
from litho.model.loaded import LanguageModel
from litho.model.read.chat import Message, chat_ids


class SaidToken(Record):
    """A token of an answer."""

    text: str
    surprise: float  # nats, -ln p of the token


@torch.no_grad()
def said_tokens(
    model: LanguageModel, messages: Sequence[Message], answer: str
) -> tuple[SaidToken, ...]:
    """An answer behind its conversation, read in the state that the model is in now.

    The surprise of a token is that of the logits before it; the answer is cut into tokens anew, as
    it stands. What does not fit into the context is left out.
    """
    asked = chat_ids(model, messages)
    ids = model.tokenizer(answer, add_special_tokens=False).input_ids
    ids = ids[: max(0, model.context - len(asked))]
    if not ids:
        return ()
    ids_1T = torch.tensor([[*asked, *ids]], device=model.device)
    logits_TV = model.network(input_ids=ids_1T).logits[0, len(asked) - 1 : -1].float()
    own_T1 = ids_1T[0, len(asked) :, None].to(logits_TV.device)
    surprise_T = -logits_TV.log_softmax(-1).gather(-1, own_T1)[:, 0]
    return tuple(
        SaidToken(text=text, surprise=round(nats, 4))
        for text, nats in zip(_pieces(model, ids), surprise_T.tolist(), strict=True)
    )


def _pieces(model: LanguageModel, ids: list[int]) -> list[str]:
    """The text that each token adds; a character of several tokens stands with the last of them."""
    pieces, before = [], ""
    for end in range(1, len(ids) + 1):
        whole = str(model.tokenizer.decode(ids[:end]))
        if whole.endswith("\ufffd") and end < len(ids):
            pieces.append("")
            continue
        pieces.append(whole[len(before) :])
        before = whole
    return pieces
