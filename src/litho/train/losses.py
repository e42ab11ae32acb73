"""Losses of a training step, each run backwards as soon as it is computed.

The gradient with respect to the logits is written out (softmax minus what should be there), a few
tokens at a time, and autograd takes over below the logits: with a vocabulary of tens of
thousands this needs a third of the time and memory that autograd takes for the loss itself.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from litho.core.errors import LithoError
from litho.model.loading import LanguageModel
from litho.model.scoring import batches, chunks, kl, logits, pad_rows

# Shapes: B rows, T tokens, V vocabulary.
ROWS_AT_ONCE = 4  # of the texts on which drift is measured


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
        ids_BT, _ = pad_rows([rows[i] for i in group], model.pad)
        found_BTV = logits(model, ids_BT)
        gradient_BTV = torch.zeros_like(found_BTV)
        for b, i in enumerate(group):
            known = len(rows[i]) - 1
            labels_T = ids_BT[b, 1 : known + 1].to(model.device)
            total += _cross_entropy(
                found_BTV[b, :known], labels_T, gradient_BTV[b, :known], 1 / supervised
            )
        torch.autograd.backward(found_BTV, gradient_BTV)
    return total / supervised


@torch.no_grad()
def _cross_entropy(
    logits_TV: Tensor, labels_T: Tensor, gradient_TV: Tensor, weight: float
) -> float:
    """Sum of -log P(label); writes `weight` times its gradient, softmax(logits) - onehot(label)."""
    total = 0.0
    for found, labels, gradient in chunks(logits_TV, labels_T.unsqueeze(-1), gradient_TV):
        logp = found.float().log_softmax(-1)
        total -= logp.gather(-1, labels).sum().item()
        p = logp.exp_()
        p.scatter_add_(-1, labels, -torch.ones_like(labels, dtype=p.dtype))
        gradient.copy_(p.mul_(weight))
    return total


def backward_drift(
    model: LanguageModel, ids_BT: Tensor, base_logits_BTV: Tensor, weight: float
) -> float:
    """Add `weight` times the gradient of KL(base || tuned), mean per token; return that KL."""
    tuned_BTV = logits(model, ids_BT)
    gradient_BTV = torch.empty_like(tuned_BTV)
    total = 0.0
    for rows in zip(base_logits_BTV.to(model.device), tuned_BTV, gradient_BTV, strict=True):
        total += _divergence(*rows, weight / ids_BT.numel())
    torch.autograd.backward(tuned_BTV, gradient_BTV)
    return total / ids_BT.numel()


@torch.no_grad()
def _divergence(base_TV: Tensor, tuned_TV: Tensor, gradient_TV: Tensor, weight: float) -> float:
    """Sum of KL(base || tuned); writes `weight` times its gradient, softmax(tuned) - softmax(base).

    The gradient is with respect to the tuned logits.
    """
    total = 0.0
    for base, tuned, gradient in chunks(base_TV, tuned_TV, gradient_TV):
        logp, logq = base.float().log_softmax(-1), tuned.float().log_softmax(-1)
        p = logp.exp()
        total += logp.sub_(logq).mul_(p).sum().item()
        gradient.copy_(logq.exp_().sub_(p).mul_(weight))
    return total


@torch.no_grad()
def drift_on(model: LanguageModel, ids_BT: Tensor, base_logits_BTV: Tensor) -> float:
    """KL(base || tuned), mean per token in nats, a few rows at a time to save memory."""
    pairs = zip(*(torch.split(x, ROWS_AT_ONCE) for x in (ids_BT, base_logits_BTV)), strict=True)
    total = 0.0
    for ids, base in pairs:
        tuned = logits(model, ids).flatten(0, 1)
        total += kl(base.flatten(0, 1).to(model.device), tuned).sum().item()
    return total / ids_BT.numel()
