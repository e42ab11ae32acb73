"""What a state says behind chains; what the contexts of a pair begin with is read once."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from litho.measure.trails.asked import Asked
from litho.measure.trails.score import Score
from litho.model.loaded import LanguageModel
from litho.model.read.caches import copied, read_prefix, reads_on
from litho.model.read.scoring import (
    BUCKET,
    WORTH_SHARING,
    batches,
    common_length,
    logits_at,
    pad_rows,
)
from litho.model.state import State

Row = Sequence[int]


def scores(
    state: State, chains: Sequence[Asked], report: Callable[[int], None] = lambda _: None
) -> list[Score]:
    """A score of each pair in a state; `report` is told how many were read.

    D = 1/2 {[l(t1|c1) - l(t2|c1)] - [l(t1|c2) - l(t2|c2)]} with l the log-probability of the first
    token of an answer: what speaks for an answer whatever the premise cancels.
    """
    found = []
    with state.active() as model, torch.no_grad():
        for number, chain in enumerate(chains, 1):
            found.append(_score(_answers(model, chain)))
            report(number)
    return found


def _score(logp_N2: Tensor) -> Score:
    first, second, *near = logp_N2.tolist()
    d, right = _compared(first, second)
    near_d, near_said = _compared(*near) if near else (None, None)
    said = (first[0] + second[1]) / 2
    return Score(d=d, right=right, said=said, near=near_d, near_said=near_said)


def _compared(first: Sequence[float], second: Sequence[float]) -> tuple[float, tuple[bool, bool]]:
    """D of log P of both answers in two contexts, and where the one that is meant is likelier."""
    towards_first, towards_second = first[0] - first[1], second[1] - second[0]
    return (towards_first + towards_second) / 2, (towards_first > 0, towards_second > 0)


def _answers(model: LanguageModel, chain: Asked) -> Tensor:
    """log P of both answers behind each row, N x 2."""
    logits_NV = last_logits(model, chain.rows)
    return logits_NV.float().log_softmax(-1)[:, list(chain.tokens)]


def last_logits(model: LanguageModel, rows: Sequence[Row]) -> Tensor:
    """Logits N x V behind the last token of each row.

    What all rows begin with is read once where that is worth it, in lengths that come again: new
    lengths cost some machines seconds.
    """
    shared = min(map(len, rows)) - 1
    for row in rows[1:]:
        shared = min(shared, common_length(rows[0], row))
    shared -= shared % BUCKET
    if shared * (len(rows) - 1) < WORTH_SHARING or not reads_on(model):
        return _side_by_side(model, rows)
    prefix = read_prefix(model, rows[0][:shared])
    assert prefix is not None
    rest = [row[shared:] for row in rows]
    width = model.context - shared
    bucket = BUCKET if max(map(len, rest)) + BUCKET <= width else 1
    ids_BT, _ = pad_rows(model, rest, bucket)
    last = [(i, len(row) - 1) for i, row in enumerate(rest)]
    return logits_at(model, ids_BT, last, copied(prefix, len(rows)))


def _side_by_side(model: LanguageModel, rows: Sequence[Row]) -> Tensor:
    by_row: dict[int, Tensor] = {}
    for group in batches([len(row) for row in rows], model.device):
        ids_BT, _ = pad_rows(model, [rows[i] for i in group])
        last = [(place, len(rows[i]) - 1) for place, i in enumerate(group)]
        for i, logits_V in zip(group, logits_at(model, ids_BT, last), strict=True):
            by_row[i] = logits_V
    return torch.stack([by_row[i] for i in range(len(rows))])
