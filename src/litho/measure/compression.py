"""What texts cost a model to read: the bits that it needs for the beginning of each."""

import math
from collections.abc import Sequence
from typing import NamedTuple

from litho.model.loaded import LanguageModel
from litho.model.read.scoring import Target, logprobs_by_token

WINDOW = 256  # tokens of a text that are read, as far as the model's context goes


class Cost(NamedTuple):
    """Of a text, or its beginning: the model's surprise, and how long it is in UTF-8."""

    bits: float
    bytes: int


def window_of(model: LanguageModel) -> int:
    """Tokens of a text that the model reads."""
    return min(WINDOW, model.context - len(model.start))


def costs(model: LanguageModel, texts: Sequence[str]) -> list[Cost]:
    """A cost for each text; without an opening token nothing predicts the first one."""
    first = max(1, len(model.start))
    unread = first - len(model.start)
    room = window_of(model)
    targets, sizes = [], []
    for text in texts:
        targets.append(Target(tuple(model.encode(text)[: len(model.start) + room]), first))
        sizes.append(len("".join(model.pieces(text)[unread:room]).encode()))
    read = [number for number, target in enumerate(targets) if len(target.ids) > first]
    found = [Cost(0.0, 0)] * len(texts)
    for number, logps in zip(
        read, logprobs_by_token(model, [targets[i] for i in read]), strict=True
    ):
        found[number] = Cost(-logps.double().sum().item() / math.log(2), sizes[number])
    return found
