"""Probes: what a few pages of each book cost a learner to read, in bits per byte."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F

from litho.learn.schooling.rows import NO_TARGET
from litho.model.learner import Learner
from litho.model.placement import HOST

Kind = Literal["page", "said", "held"]  # facts in wordings of the books, and that no book uses
ROWS = 8  # that are read at once


@dataclass(frozen=True)
class ProbeText:
    """A text about a book, cut into rows as far as the model sees."""

    stage: str  # that reads it, or reads the like
    book: str
    kind: Kind
    rows: tuple[tuple[int, ...], ...]  # each begins with the end token, which is no target
    size: int  # bytes


@torch.no_grad()
def bits_per_byte(learner: Learner, texts: Sequence[ProbeText]) -> list[float]:
    """Of each text: the sum of -log2 P of its tokens, over its bytes."""
    return [_nats(learner, text.rows) / math.log(2) / text.size for text in texts]


def _nats(learner: Learner, rows: Sequence[Sequence[int]]) -> float:
    nats = 0.0
    for first in range(0, len(rows), ROWS):
        some = rows[first : first + ROWS]
        longest = max(map(len, some))
        padded = [[*row, *[NO_TARGET] * (longest - len(row))] for row in some]
        ids_BT = torch.tensor(padded, device=learner.device)
        read_BT, targets_BT = ids_BT[:, :-1].clamp(min=0), ids_BT[:, 1:]
        half = learner.device.type != HOST.type  # as in training
        with torch.autocast(learner.device.type, torch.bfloat16, enabled=half):
            logits_NV = learner.logits(read_BT)
        nats += F.cross_entropy(
            logits_NV.float(), targets_BT.flatten(), ignore_index=NO_TARGET, reduction="sum"
        ).item()
    return nats
