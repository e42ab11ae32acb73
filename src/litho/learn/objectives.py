"""Objectives: what a presentation asks of the model, token by token."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from litho.core.errors import LithoError
from litho.learn.losses import backward_distilled, backward_text
from litho.learn.records import Loss
from litho.measure.volatility import LIKELY
from litho.model.loaded import LanguageModel
from litho.model.read.prefixes import read_rows
from litho.model.read.scoring import chunks, logits, token_logprobs
from litho.text.variants import STEP_SURPRISE

# Shapes: T tokens, V vocabulary.
Rows = Sequence[Sequence[int]]


@dataclass(frozen=True)
class Batch:
    """What an objective is asked about."""

    model: LanguageModel  # in the state that learns
    rows: Rows
    micro_tokens: int  # padded tokens in one forward pass
    done: float  # how much of the training is done, 0 to 1


# Adds the gradient of a presentation and returns its loss, nats per token. One that remembers
# something from step to step has a `memory`, too (see litho.learn.checkpoint).
Objective = Callable[[Batch], float]

MASKED_FROM = math.log(2.5)  # nats; the threshold of Wu et al. 2025
ENTROPY_OF = 20  # likeliest tokens, as in EAFT
DOSED_UNTIL = 0.75  # of the training; from then on every token is in the loss


def objective(loss: Loss, model: LanguageModel, scenes: Sequence[str]) -> Objective:
    """The objective that a setting names; `scenes` is the text that is printed.

    Raises LithoError if the text is too long for it.
    """
    if loss == "low_perplexity":
        return LowPerplexity()
    if loss == "distilled":
        return Distilled(model, scenes)
    return {"all": all_tokens, "entropy_gated": entropy_gated, "dosed": dosed}[loss]


def longest_row(loss: Loss, model: LanguageModel, scenes: Sequence[str]) -> int:
    """Tokens of a row of a presentation at most."""
    behind = _in_front(model, scenes[0]) if loss == "distilled" else []
    return model.context - len(behind)


def _in_front(model: LanguageModel, scene: str) -> list[int]:
    """The text as it stands in front of a presentation."""
    return model.tokens(f"{scene}\n\n")


def all_tokens(batch: Batch) -> float:
    """Every token counts alike: the negative log-likelihood."""
    return backward_text(batch.model, batch.rows, batch.micro_tokens)


class LowPerplexity:
    """Only tokens that surprise the untouched model by at most log 2.5 nats count.

    Selective token masking: Wu et al. 2025, "Mitigating Forgetting in LLM Fine-Tuning via
    Low-Perplexity Token Learning", NeurIPS 2025, arXiv 2501.14315. The masks are only kept to save
    time: they follow from the untouched model.
    """

    def __init__(self) -> None:
        self._masks: dict[tuple[int, ...], Tensor] = {}

    def __call__(self, batch: Batch) -> float:
        model, rows = batch.model, batch.rows
        for row in rows:
            if tuple(row) not in self._masks:
                with model.state(None):
                    surprise_T = -_logprobs(row, _predictions(model, row))
                self._masks[tuple(row)] = (surprise_T <= MASKED_FROM).float()
        if not any(self._masks[tuple(row)].any() for row in rows):
            raise LithoError(
                "no token of a presentation is likely enough for the loss low_perplexity: the text "
                "is too new to the model, choose another loss"
            )
        return backward_text(
            model, rows, batch.micro_tokens, lambda row, _: self._masks[tuple(row)]
        )


def entropy_gated(batch: Batch) -> float:
    """Each token counts by the entropy of the model's 20 likeliest tokens over log 20.

    Where the model is sure of something else it learns little. EAFT: Diao et al. 2026,
    "Entropy-Adaptive Fine-Tuning", arXiv 2601.02151. No gradient goes through the weight.
    """
    return backward_text(
        batch.model, batch.rows, batch.micro_tokens, lambda _, logits_TV: _entropy(logits_TV)
    )


@torch.no_grad()
def _entropy(logits_TV: Tensor) -> Tensor:
    count = min(ENTROPY_OF, logits_TV.shape[-1])
    values = []
    for (part,) in chunks(logits_TV):
        logp = part.topk(count, dim=-1).values.float().log_softmax(-1)
        values.append(-(logp.exp() * logp).sum(-1) / math.log(count))
    return torch.cat(values)


def dosed(batch: Batch) -> float:
    """A token counts once it is within reach of the model as it is by now.

    Within reach is a surprise of at most what counts as likely at the beginning, and then more and
    more up to what a step of a ladder may add; after three quarters of the training every token
    counts. Litho's own.
    """
    if batch.done >= DOSED_UNTIL:
        return all_tokens(batch)
    reach = LIKELY + (STEP_SURPRISE - LIKELY) * batch.done / DOSED_UNTIL

    def weigh(row: Sequence[int], logits_TV: Tensor) -> Tensor:
        return (-_logprobs(row, logits_TV) <= reach).float()

    return backward_text(batch.model, batch.rows, batch.micro_tokens, weigh)


class Distilled:
    """The model is to predict without the text what it predicts with the text before its eyes.

    KL(with the text || without), mean per token, the teacher being the untouched model. Context
    distillation: Snell et al. 2022, "Learning by Distilling Context", arXiv 2209.15189.
    """

    def __init__(self, model: LanguageModel, scenes: Sequence[str]) -> None:
        if len(scenes) > 1:
            raise LithoError(
                "the loss distilled needs a text that fits into the model's context in one piece: "
                "shorten it, or choose another loss"
            )
        self._text = _in_front(model, scenes[0])
        twice = len(model.start) + 2 * len(self._text)
        if twice > model.context:
            raise LithoError(
                f"the loss distilled reads the text twice, {twice} tokens, but the model reads "
                f"{model.context}: shorten it, or choose another loss"
            )

    def __call__(self, batch: Batch) -> float:
        with batch.model.state(None):
            taught = predicted_behind(batch.model, self._text, batch.rows)
        return backward_distilled(batch.model, batch.rows, batch.micro_tokens, taught)


def predicted_behind(model: LanguageModel, text: Sequence[int], rows: Rows) -> list[Tensor]:
    """What the model predicts of the tokens of each row but its first when it has read `text`.

    Logits T x V, a tensor a row. Raises LithoError if both together are longer than the context.
    """
    start = len(model.start)
    whole = [[*row[:start], *text, *row[start:]] for row in rows]
    longest = max(map(len, whole))
    if longest > model.context:
        raise LithoError(
            f"the text with a presentation behind it has {longest} tokens, but the model reads "
            f"{model.context}: shorten it, or choose another loss than distilled"
        )
    by_row = {read.row: read.logits_TV[len(text) : -1].clone() for read in read_rows(model, whole)}
    return [by_row[i] for i in range(len(rows))]


@torch.no_grad()
def _predictions(model: LanguageModel, row: Sequence[int]) -> Tensor:
    return logits(model, torch.tensor([list(row)], device=model.device))[0, :-1]


@torch.no_grad()
def _logprobs(row: Sequence[int], logits_TV: Tensor) -> Tensor:
    return token_logprobs(logits_TV, torch.tensor(row[1:], device=logits_TV.device))
