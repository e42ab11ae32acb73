"""An objective for attention alone: it is to go to the conclusion of the rule that applies.

What the model says is never looked at, and no layer above the highest chosen head is computed.
Litho's own; that fine-tuning strengthens heads which are there already: Prakash et al. 2024, arXiv
2402.14811.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from litho.core.errors import LithoError
from litho.learn.objectives import Batch, Rows
from litho.measure.trails.looking import Pointer, look
from litho.model.loaded import LanguageModel
from litho.model.read.scoring import batches
from litho.model.watch.attention import ReadSoFar

# Shapes: B rows, H heads, N chosen heads, T tokens.
CHOSEN = 12  # heads
AMOUNT = 0.1  # weight of how much they look at both, without which that sinks unseen
LEAST = 1e-6  # of the attention


@dataclass(frozen=True)
class Heads:
    """Heads that look at both candidates untouched, and how much of their attention that is."""

    layers: list[int]
    heads: list[int]
    amounts: list[float]


@torch.no_grad()
def choose_heads(
    model: LanguageModel,
    rows: Rows,
    pointers: Sequence[Pointer],
    chance: random.Random | None = None,
) -> Heads:
    """The heads that look most at both candidates from a row's last place but one.

    The model is in the state in which they are chosen. `chance`: heads drawn by it instead. Raises
    LithoError if no attention of the model can be watched.
    """
    sums: dict[int, Tensor] = {}

    def add(layer: int, right_BH: Tensor, wrong_BH: Tensor) -> None:
        sums[layer] = sums.get(layer, 0) + (right_BH + wrong_BH).sum(0).cpu()

    for group in batches([len(row) - 1 for row in rows], model.device):
        own = [rows[i][:-1] for i in group]
        look(model, own, [pointers[i] for i in group], add)
    if not sums:
        raise LithoError(
            f"the attention of {model.source.name} cannot be watched: choose another objective "
            "than routing"
        )
    layers = sorted(sums)
    amount_LH = torch.stack([sums[layer] for layer in layers]) / len(rows)
    amounts, width = amount_LH.flatten(), amount_LH.shape[1]
    count = min(CHOSEN, len(amounts))
    best = chance.sample(range(len(amounts)), count) if chance else amounts.topk(count).indices
    chosen = sorted(map(int, best))
    return Heads(
        [layers[place // width] for place in chosen],
        [place % width for place in chosen],
        amounts[chosen].tolist(),
    )


@dataclass(frozen=True)
class Routing:
    """L = L_r + 0.1 L_a, mean over the chosen heads, at the place where the answer comes next.

    With m_G and m_B the attention on the conclusion of the rule that applies and on its twin, L_r =
    -log m_G / (m_G + m_B), and L_a the square of how far m_G + m_B is from that of the untouched
    model. `answer`: weight of the cross-entropy of the row's last token beside it.
    """

    heads: Heads
    pointers: Callable[[], Sequence[Pointer]]  # of the rows of this step
    note: Callable[[Sequence[float]], None] = lambda losses: None
    answer: float = 0.0

    def __call__(self, batch: Batch) -> float:
        rows, pointers = batch.rows, self.pointers()
        losses = [0.0] * len(rows)
        for group in batches(
            [len(row) - 1 for row in rows], batch.model.device, batch.micro_tokens
        ):
            own = [rows[i] for i in group]
            loss_B = self._losses(batch.model, own, [pointers[i] for i in group])
            torch.autograd.backward(loss_B.sum() / len(rows))
            for i, loss in zip(group, loss_B.detach().tolist(), strict=True):
                losses[i] = loss
        self.note(losses)
        return sum(losses) / len(losses)

    def _losses(self, model: LanguageModel, rows: Rows, pointers: Sequence[Pointer]) -> Tensor:
        parts: list[Tensor] = []
        last = max(self.heads.layers)

        def take(layer: int, right_BH: Tensor, wrong_BH: Tensor) -> None:
            chosen = [i for i, own in enumerate(self.heads.layers) if own == layer]
            if chosen:
                heads = [self.heads.heads[i] for i in chosen]
                amounts = [self.heads.amounts[i] for i in chosen]
                parts.append(_loss(right_BH[:, heads], wrong_BH[:, heads], amounts))
            if layer == last and not self.answer:
                raise ReadSoFar

        logits_BV = look(model, [row[:-1] for row in rows], pointers, take)
        loss_B = torch.cat([part.to(parts[0].device) for part in parts], dim=1).mean(1)
        if logits_BV is None:
            return loss_B
        labels_B = torch.tensor([row[-1] for row in rows], device=logits_BV.device)
        said_B = cross_entropy(logits_BV.float(), labels_B, reduction="none")
        return loss_B + self.answer * said_B.to(loss_B.device)


def _loss(right_BN: Tensor, wrong_BN: Tensor, amounts: Sequence[float]) -> Tensor:
    both_BN = right_BN + wrong_BN
    usual_N = torch.tensor(amounts, device=both_BN.device)
    share_BN = (right_BN + LEAST) / (both_BN + 2 * LEAST)
    return -share_BN.log() + AMOUNT * (both_BN - usual_N).square()
