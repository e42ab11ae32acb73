"""Questions that a model makes itself about sentences of a text."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from transformers import DynamicCache

from litho.model.loaded import LanguageModel
from litho.model.read.caches import copied, read_prefix
from litho.model.read.chat import answer, chat_ids, question
from litho.model.read.sampling import generate, padded_in_front
from litho.model.read.scoring import common_length

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
    beginning = _shared(model, [rows[i] for i in fitting])
    for start in range(0, len(fitting), AT_ONCE):
        group = fitting[start : start + AT_ONCE]
        asked = _sampled(model, beginning, [rows[i] for i in group], seed)
        for i, said in zip(group, asked, strict=True):
            found[i] = said
    return found


class _Beginning(NamedTuple):
    """What all requests begin with, and what the model keeps of it: nothing is an empty one."""

    ids: list[int]
    read: DynamicCache | None


@torch.no_grad()
def _shared(model: LanguageModel, rows: Sequence[Sequence[int]]) -> _Beginning:
    if not rows:
        return _Beginning([], None)
    common = min(common_length(rows[0], row) for row in rows)
    ids = list(rows[0][: min(common, *(len(row) - 1 for row in rows))])
    read = read_prefix(model, ids) if ids else None
    return _Beginning(ids, read) if read else _Beginning([], None)


@torch.no_grad()
def _sampled(
    model: LanguageModel, beginning: _Beginning, rows: Sequence[Sequence[int]], seed: int
) -> list[list[str]]:
    """The first lines that the model says behind each row, each once."""
    # Padding stands between the beginning and what is a row's own.
    own_BT, mask_BT = padded_in_front(model, [row[len(beginning.ids) :] for row in rows])
    ids_BT = torch.cat([own_BT.new_tensor(beginning.ids).expand(len(rows), -1), own_BT], 1)
    mask_BT = torch.cat([mask_BT.new_ones(len(rows), len(beginning.ids)), mask_BT], 1)
    found = generate(
        model,
        ids_BT.repeat_interleave(TRIES, 0),
        seed,
        mask_BT.repeat_interleave(TRIES, 0),
        read=copied(beginning.read, len(rows) * TRIES) if beginning.read else None,
        temperature=0.7,
        top_p=0.9,
        top_k=50,
        max_new_tokens=TOKENS,
    )
    said = [
        str(model.tokenizer.decode(ids, skip_special_tokens=True)).strip().partition("\n")[0]
        for ids in found[:, ids_BT.shape[1] :].tolist()
    ]
    return [list(dict.fromkeys(said[i : i + TRIES])) for i in range(0, len(said), TRIES)]
