"""Losses of a training step, each run backwards as soon as it is computed."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from litho.core.errors import LithoError
from litho.model.loading import LanguageModel
from litho.model.scoring import batches, kl, logits, pad_rows

# Shapes: B rows, T tokens, V vocabulary.
IGNORED = -100


def backward_text(model: LanguageModel, rows: Sequence[Sequence[int]], tokens: int) -> float:
    """Add the gradient of the mean loss per supervised token of all `rows`; return that loss.

    Every token but a row's first is supervised. Micro-batches hold at most `tokens` padded
    tokens; since each is weighted by its share of the supervised tokens of the whole
    presentation, the gradient does not depend on how the rows were cut up. Raises LithoError
    if no token is supervised.
    """
    supervised = sum(len(row) - 1 for row in rows)
    if not supervised:
        raise LithoError("a presentation holds no token to learn: the text is too short")
    total = 0.0
    for group in batches([len(row) for row in rows], tokens):
        ids_BT, mask_BT = pad_rows([rows[i] for i in group], model.pad)
        labels = ids_BT[:, 1:].masked_fill(~mask_BT[:, 1:], IGNORED).to(model.device)
        predicted = logits(model, ids_BT)[:, :-1].float()
        loss = F.cross_entropy(
            predicted.flatten(0, 1), labels.flatten(), ignore_index=IGNORED, reduction="sum"
        )
        torch.autograd.backward(loss / supervised)
        total += loss.item()
    return total / supervised


def backward_drift(
    model: LanguageModel, ids_BT: Tensor, base_logits_BTV: Tensor, weight: float
) -> float:
    """Add `weight` times the gradient of KL(base || tuned), mean per token; return that KL."""
    drift = kl(base_logits_BTV.to(model.device), logits(model, ids_BT)).mean()
    torch.autograd.backward(weight * drift)
    return drift.item()


@torch.no_grad()
def drift_on(model: LanguageModel, ids_BT: Tensor, base_logits_BTV: Tensor) -> float:
    """KL(base || tuned), mean per token in nats, row by row to save memory."""
    values = [
        kl(base, logits(model, ids.unsqueeze(0))[0]).mean().item()
        for ids, base in zip(ids_BT, base_logits_BTV.to(model.device), strict=True)
    ]
    return sum(values) / len(values)
