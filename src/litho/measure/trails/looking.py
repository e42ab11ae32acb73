"""Where attention goes behind a chain: to the rule that applies, or to the other one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from litho.model.loaded import LanguageModel
from litho.model.read.scoring import batches, logits_at, pad_rows
from litho.model.watch.attention import looks_from, taken
from litho.text.trails.chains import Context, Pair

# Shapes: B rows, H heads, T tokens, V vocabulary.
Take = Callable[[int, Tensor, Tensor], None]  # a layer, its attention on both candidates, B x H


@dataclass(frozen=True)
class Pointer:
    """Places of a row: the conclusion of the rule that applies, and its twin in the other rule."""

    right: tuple[int, ...]
    wrong: tuple[int, ...]

    def turned(self) -> "Pointer":
        """Towards the other rule."""
        return Pointer(self.wrong, self.right)


def pointers(model: LanguageModel, pair: Pair) -> tuple[Pointer, Pointer]:
    """For both contexts: the tokens of the right answer in the rules, and those of the other."""
    first, second = (
        Pointer(_said(model, context, right), _said(model, context, wrong))
        for context, right, wrong in zip(pair.contexts, pair.slots, pair.slots[::-1], strict=True)
    )
    return first, second


def _said(model: LanguageModel, context: Context, slot: str) -> tuple[int, ...]:
    """Places of the tokens in which the rules name an answer."""
    said = [s for s in context.spans if (s.role, s.slot) == ("consequent", slot)]
    return tuple(
        len(model.start) + number
        for number, (start, end) in enumerate(model.spans(context.text))
        if any(start < span.end and span.start < end for span in said)
    )


def look(
    model: LanguageModel,
    rows: Sequence[Sequence[int]],
    pointing: Sequence[Pointer],
    take: Take,
) -> Tensor | None:
    """Read rows, and hand on how much their last places look at both candidates.

    Returns logits B x V behind them; None if `take` raised `ReadSoFar`, with which the pass ends.
    """
    ids_BT, _ = pad_rows(model, rows)
    last = [(place, len(row) - 1) for place, row in enumerate(rows)]
    at_B = torch.tensor([place for _, place in last], device=model.device)
    right_BT, wrong_BT = (
        _marked(ids_BT, [getattr(pointer, side) for pointer in pointing]).to(model.device)
        for side in ("right", "wrong")
    )

    def looked(layer: int, query_BHTD: Tensor, key_BKTD: Tensor, scaling: float, _: Tensor) -> None:
        p_BHT = looks_from(query_BHTD, key_BKTD, scaling, at_B.to(query_BHTD.device))
        both = (marks.to(p_BHT.device)[:, None] for marks in (right_BT, wrong_BT))
        take(layer, *((p_BHT * marks).sum(-1) for marks in both))

    with taken(looked):
        return logits_at(model, ids_BT, last)
    return None


@torch.no_grad()
def preference(
    model: LanguageModel, rows: Sequence[Sequence[int]], pointing: Sequence[Pointer]
) -> float | None:
    """How much the last places prefer the rule that applies, from -1 to 1.

    (sum m_G - sum m_B) / (sum m_G + sum m_B) over all rows, layers and heads, with m_G and m_B the
    attention on both candidates: heads that look at neither count for nothing. None where no
    attention can be watched.
    """
    sums = [0.0, 0.0]

    def take(_: int, right_BH: Tensor, wrong_BH: Tensor) -> None:
        sums[0] += right_BH.sum().item()
        sums[1] += wrong_BH.sum().item()

    for group in batches([len(row) for row in rows], model.device):
        look(model, [rows[i] for i in group], [pointing[i] for i in group], take)
    right, wrong = sums
    return (right - wrong) / (right + wrong) if right + wrong else None


def _marked(ids_BT: Tensor, places: Sequence[tuple[int, ...]]) -> Tensor:
    marks_BT = torch.zeros(ids_BT.shape, device=ids_BT.device)
    for row, own in enumerate(places):
        marks_BT[row, list(own)] = 1.0
    return marks_BT
