"""Questions that a model makes itself about sentences of a text."""

from collections.abc import Sequence

import torch

from litho.model.loaded import LanguageModel
from litho.model.read.chat import answer, chat_ids, question
from litho.model.read.sampling import generate, padded_in_front

TRIES = 3  # questions that are sampled about each sentence
TOKENS = 24  # of a question, at most
AT_ONCE = 8  # sentences
_ASK = "Write a question that this sentence answers: {}"
_SHOWN = (
    ("Entry costs four crowns for adults.", "How much do adults pay to get in?"),
    ("Feed the goats with hay, never with bread.", "What should I feed the goats with?"),
)


def model_questions(model: LanguageModel, sentences: Sequence[str], seed: int) -> list[list[str]]:
    """Up to `TRIES` questions about each sentence, as the model words them.

    Sampled after two examples in its chat format. A sentence that does not fit into the context
    has none.
    """
    shown = [
        turn for said, asked in _SHOWN for turn in (question(_ASK.format(said)), answer(asked))
    ]
    rows = [chat_ids(model, [*shown, question(_ASK.format(said))]) for said in sentences]
    found: list[list[str]] = [[] for _ in sentences]
    fitting = [i for i, row in enumerate(rows) if len(row) + TOKENS <= model.context]
    fitting.sort(key=lambda i: len(rows[i]))
    for start in range(0, len(fitting), AT_ONCE):
        group = fitting[start : start + AT_ONCE]
        for i, said in zip(group, _sampled(model, [rows[i] for i in group], seed), strict=True):
            found[i] = said
    return found


@torch.no_grad()
def _sampled(model: LanguageModel, rows: Sequence[Sequence[int]], seed: int) -> list[list[str]]:
    """The first lines that the model says behind each row, each once."""
    ids_BT, mask_BT = padded_in_front(model, rows)
    found = generate(
        model,
        ids_BT,
        seed,
        mask_BT,
        temperature=0.7,
        top_p=0.9,
        top_k=50,
        num_return_sequences=TRIES,
        max_new_tokens=TOKENS,
    )
    said = [
        str(model.tokenizer.decode(ids, skip_special_tokens=True)).strip().partition("\n")[0]
        for ids in found[:, ids_BT.shape[1] :].tolist()
    ]
    return [list(dict.fromkeys(said[i : i + TRIES])) for i in range(0, len(said), TRIES)]
