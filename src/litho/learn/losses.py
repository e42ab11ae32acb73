"""Losses of a training step, each run backwards as soon as it is computed.

The gradient with respect to the logits is written out (softmax minus what should be there), a few
tokens at a time, and autograd takes over below the logits: with a vocabulary of tens of
thousands this needs a third of the time and memory that autograd takes for the loss itself.
"""

import math
from collections.abc import Callable, Iterable, Sequence

import torch
from torch import Tensor

from litho.core.errors import LithoError, first_line
from litho.model.loaded import LanguageModel
from litho.model.read.scoring import (
    BUCKET,
    Target,
    batches,
    chunks,
    kl,
    logits,
    logits_at,
    pad_rows,
    token_logprobs,
)

# Shapes: B rows, T tokens, V vocabulary.
ROWS_AT_ONCE = 4  # of the texts on which drift is measured
# Weight of each token of a row but the first, T, by the row and what the model predicts, T x V.
Weigh = Callable[[Sequence[int], Tensor], Tensor]
# Writes the gradient for the logits of a row and returns its loss in parts, to be added up; its
# arguments are the row's number, what is predicted behind each token but the last, where to write,
# each token's weight.
RowGradient = Callable[[int, Tensor, Tensor, Tensor], Tensor]


def check_converging(value: float | Tensor, when: str, learning_rate: float) -> None:
    """Raises LithoError if a loss or the norm of a gradient is no number."""
    if not math.isfinite(value):
        raise LithoError(
            f"the training diverged at {when}: start again with a learning_rate below "
            f"{learning_rate}"
        )


def backward_text(
    model: LanguageModel,
    rows: Sequence[Sequence[int]],
    tokens: int,
    weigh: Weigh | None = None,
) -> float:
    """Add the gradient of the mean loss per token of all `rows`; return that loss.

    Every token but a row's first is supervised, each by the weight that `weigh` gives it (none: all
    by 1). Micro-batches hold at most `tokens` padded tokens; since each is weighted by its share
    of the tokens of the whole presentation, the gradient does not depend on how the rows were cut
    up. Raises LithoError if the rows hold no token to predict.
    """

    def one_row(i: int, logits_TV: Tensor, gradient_TV: Tensor, weights_T: Tensor) -> Tensor:
        if weigh:
            weights_T = weights_T * weigh(rows[i], logits_TV)
        labels_T = torch.tensor(rows[i][1:], device=logits_TV.device)
        return _cross_entropy(logits_TV, labels_T, gradient_TV, weights_T)

    return _backward_rows(model, rows, tokens, one_row)


def backward_targets(
    model: LanguageModel, targets: Sequence[Target], tokens: int, weight: float
) -> float:
    """Add `weight` times the gradient of the mean loss per target token; return that loss.

    The tokens in front of each target are read and not supervised. `tokens` as in `backward_text`.
    """
    rows = [target.ids for target in targets]
    first = {target.ids: target.first for target in targets}
    counted = sum(len(target.ids) - target.first for target in targets)
    share = weight * sum(len(row) - 1 for row in rows) / counted

    def weigh(row: Sequence[int], logits_TV: Tensor) -> Tensor:
        places_T = torch.arange(1, len(row), device=logits_TV.device)
        return share * (places_T >= first[tuple(row)])

    return backward_text(model, rows, tokens, weigh) / weight


def backward_last(
    model: LanguageModel, rows: Sequence[Sequence[int]], tokens: int, weight: float = 1.0
) -> list[float]:
    """Add `weight` times the gradient of the mean loss of the last token of all `rows`.

    Returns the loss of each row, nats. The output head is given nothing but that token's place.
    """
    losses = [0.0] * len(rows)
    for group in batches([len(row) - 1 for row in rows], model.device, tokens):
        ids_BT, _ = pad_rows(model, [rows[i][:-1] for i in group])
        last = [(place, len(rows[i]) - 2) for place, i in enumerate(group)]
        logits_BV = logits_at(model, ids_BT, last)
        labels_B = torch.tensor([rows[i][-1] for i in group], device=logits_BV.device)
        gradient_BV = torch.empty_like(logits_BV)
        weights_B = torch.full((len(group),), weight / len(rows), device=logits_BV.device)
        _cross_entropy(logits_BV, labels_B, gradient_BV, weights_B)
        for i, logp in zip(
            group, token_logprobs(logits_BV.detach(), labels_B).tolist(), strict=True
        ):
            losses[i] = -logp
        _backward(model, logits_BV, gradient_BV)
    return losses


def backward_distilled(
    model: LanguageModel,
    rows: Sequence[Sequence[int]],
    tokens: int,
    taught: Sequence[Tensor],
) -> float:
    """Add the gradient of KL(teacher || model), mean per token; return that KL.

    `taught`: what the teacher predicts of the last tokens of each row, logits T x V; the tokens in
    front of them are not supervised.
    """
    whole = sum(len(row) - 1 for row in rows) / sum(map(len, taught))

    def one_row(i: int, student_TV: Tensor, gradient_TV: Tensor, weights_T: Tensor) -> Tensor:
        count = len(taught[i])
        last = slice(len(student_TV) - count, None)
        teacher_TV = taught[i].to(student_TV.device)
        return _divergence(teacher_TV, student_TV[last], gradient_TV[last], whole * weights_T[last])

    return _backward_rows(model, rows, tokens, one_row)


def _backward_rows(
    model: LanguageModel, rows: Sequence[Sequence[int]], tokens: int, one_row: RowGradient
) -> float:
    """Run the rows backwards in micro-batches; return the sum of what `one_row` returns."""
    predicted = sum(len(row) - 1 for row in rows)
    if not predicted:
        raise LithoError("a presentation holds no token to learn: the text is too short")
    losses: list[Tensor] = []
    for group in batches([len(row) for row in rows], model.device, tokens):
        ids_BT, _ = pad_rows(model, [rows[i] for i in group], 1 if len(rows) == 1 else BUCKET)
        logits_BTV = logits(model, ids_BT)
        gradient_BTV = torch.zeros_like(logits_BTV)
        for b, i in enumerate(group):
            known = len(rows[i]) - 1
            weights_T = torch.full((known,), 1 / predicted, device=logits_BTV.device)
            losses.append(one_row(i, logits_BTV[b, :known], gradient_BTV[b, :known], weights_T))
        _backward(model, logits_BTV, gradient_BTV)
    return _added_up(losses)


def _backward(model: LanguageModel, logits_BTV: Tensor, gradient_BTV: Tensor) -> None:
    """Raises LithoError where the model's own code cannot be run backwards."""
    try:
        torch.autograd.backward(logits_BTV, gradient_BTV)
    except torch.OutOfMemoryError:
        raise
    except RuntimeError as error:
        raise LithoError(
            f"{model.source.name} cannot be trained, its code has no gradient: {first_line(error)}"
        ) from None


def _added_up(rows: Sequence[Tensor]) -> float:
    """Sum of losses that come in parts, in the order of their making and in double precision."""
    return _sum(_of_each(rows))


def _of_each(rows: Sequence[Tensor]) -> list[float]:
    """Each loss of those that come in parts; the device is waited for once for all of them."""
    parts = iter(torch.cat(list(rows)).tolist())
    return [_sum(next(parts) for _ in row) for row in rows]


def _sum(values: Iterable[float]) -> float:
    """From left to right; Python's own corrects for rounding from 3.12 on."""
    total = 0.0
    for value in values:
        total += value
    return total


@torch.no_grad()
def _cross_entropy(
    logits_TV: Tensor, labels_T: Tensor, gradient_TV: Tensor, weights_T: Tensor
) -> Tensor:
    """-log P(label), weighted, in parts; writes its gradient, weight (softmax(logits) - onehot)."""
    losses: list[Tensor] = []
    parts = chunks(logits_TV, labels_T.unsqueeze(-1), gradient_TV, weights_T.unsqueeze(-1))
    for part, labels, gradient, weights in parts:
        logp = part.float().log_softmax(-1)
        losses.append(-(logp.gather(-1, labels) * weights).sum())
        p = logp.exp_()
        p.scatter_add_(-1, labels, -torch.ones_like(labels, dtype=p.dtype))
        gradient.copy_(p.mul_(weights))
    return torch.stack(losses)


def backward_drift(
    model: LanguageModel, ids_BT: Tensor, base_logits_BTV: Tensor, weight: float
) -> list[float]:
    """Add `weight` times the gradient of KL(base || tuned), mean per token of all rows.

    Returns that KL of each row, of which the mean is meant.
    """
    tuned_BTV = logits(model, ids_BT)
    gradient_BTV = torch.empty_like(tuned_BTV)
    weights_T = torch.full(ids_BT.shape[1:], weight / ids_BT.numel(), device=tuned_BTV.device)
    base_logits_BTV = base_logits_BTV.to(tuned_BTV.device)
    losses = [
        _divergence(*row, weights_T)
        for row in zip(base_logits_BTV, tuned_BTV, gradient_BTV, strict=True)
    ]
    _backward(model, tuned_BTV, gradient_BTV)
    return [loss * len(losses) / weight for loss in _of_each(losses)]


@torch.no_grad()
def _divergence(
    base_TV: Tensor, tuned_TV: Tensor, gradient_TV: Tensor, weights_T: Tensor
) -> Tensor:
    """KL(base || tuned), weighted, in parts; writes its gradient for the tuned logits.

    That is weight (softmax(tuned) - softmax(base)).
    """
    losses: list[Tensor] = []
    for base, tuned, gradient, weights in chunks(
        base_TV, tuned_TV, gradient_TV, weights_T.unsqueeze(-1)
    ):
        logp, logq = base.float().log_softmax(-1), tuned.float().log_softmax(-1)
        p = logp.exp()
        losses.append((logp.sub_(logq).mul_(p) * weights).sum())
        gradient.copy_(logq.exp_().sub_(p).mul_(weights))
    return torch.stack(losses)


@torch.no_grad()
def drift_on(model: LanguageModel, ids_BT: Tensor, base_logits_BTV: Tensor) -> list[float]:
    """KL(base || tuned) of each row, mean per token in nats, a few rows at a time for memory."""
    pairs = zip(*(torch.split(x, ROWS_AT_ONCE) for x in (ids_BT, base_logits_BTV)), strict=True)
    divergences: list[Tensor] = []
    for ids, base in pairs:
        tuned = logits(model, ids)
        by_token = kl(base.flatten(0, 1).to(tuned.device), tuned.flatten(0, 1))
        divergences.append(by_token.view(ids.shape).mean(1))
    return torch.cat(divergences).tolist()
