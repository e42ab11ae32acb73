"""What each token of a document costs a model that is being trained."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F

from litho.model.learner import Learner
from litho.model.placement import HOST, exactly, sizes


@torch.no_grad()
def token_losses(
    learner: Learner, documents: Sequence[Sequence[int]], end_id: int, length: int
) -> list[list[float]]:
    """-log P of each token of each document, in nats, behind an end token and what precedes it.

    Of each document the first `length` tokens are read.
    """
    rows = [list(ids[:length]) for ids in documents]
    found: dict[int, list[float]] = {}
    order = sorted(range(len(rows)), key=lambda i: (len(rows[i]), i))
    at_once = max(1, sizes(learner.device).pass_tokens // length)
    for begin in range(0, len(order), at_once):
        group = [i for i in order[begin : begin + at_once] if rows[i]]
        if not group:
            continue
        width = max(len(rows[i]) for i in group)
        read = [[end_id, *rows[i]] + [end_id] * (width - len(rows[i])) for i in group]
        ids_BT = torch.tensor(read, device=learner.device)
        logits_NV = exactly(learner.logits(ids_BT[:, :-1]))
        nats_N = F.cross_entropy(logits_NV, ids_BT[:, 1:].flatten(), reduction="none")
        nats_BT = nats_N.view(len(group), width).to(HOST)
        for i, nats_T in zip(group, nats_BT.tolist(), strict=True):
            found[i] = nats_T[: len(rows[i])]
    return [found.get(i, []) for i in range(len(rows))]
