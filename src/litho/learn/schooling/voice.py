"""Trains an adapter on what some speakers say: the rest of their scenes is read, not learned."""

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from litho.core.reporter import Reporter
from litho.learn.checkpoint import (
    Memory,
    optimizer_memory,
    read_checkpoint,
    recall_optimizer,
    recall_weights,
    weights_memory,
    write_checkpoint,
)
from litho.learn.losses import check_converging
from litho.model.adapters.lora import learned_weights, learning
from litho.model.loaded import LanguageModel
from litho.model.read.scoring import logits, pad_rows

SAVE_SECONDS = 30.0
CLIP = 1.0


@dataclass(frozen=True)
class Lines:
    """A document, and how much each of its tokens counts; the first counts nothing."""

    ids: tuple[int, ...]
    weights: tuple[float, ...]

    @property
    def counted(self) -> int:
        """Tokens that are learned."""
        return sum(weight > 0 for weight in self.weights)


@dataclass(frozen=True)
class Rehearsal:
    """How much is learned, and how."""

    tokens: int  # that count, over all passes
    rows: int  # of a step
    rate: float
    seed: int


@dataclass
class Rehearsed:
    """How far a training is."""

    step: int = 0
    tokens: int = 0
    losses: list[float] = field(default_factory=list)  # of each step


def loss_of(logits_BTV: Tensor, ids_BT: Tensor, weights_BT: Tensor) -> Tensor:
    """Cross-entropy by the weights of the tokens, over the sum of the weights."""
    targets_N, weights_N = ids_BT[:, 1:].flatten(), weights_BT[:, 1:].flatten()
    losses_N = F.cross_entropy(
        logits_BTV[:, :-1].flatten(0, 1).float(), targets_N, reduction="none"
    )
    return (losses_N * weights_N).sum() / weights_N.sum()


def rehearse(
    model: LanguageModel,
    name: str,
    lines: Sequence[Lines],
    plan: Rehearsal,
    checkpoint: Path,
    reporter: Reporter,
    tick: Callable[[], None] = lambda: None,
) -> Rehearsed:
    """Train the adapter `name` until so many tokens were learned, pass after pass.

    Stopped anywhere it goes on from `checkpoint` and ends in the same bytes.
    """
    learned = learned_weights(model, name)
    optimizer = torch.optim.AdamW(list(learned.values()), lr=plan.rate, weight_decay=0.0)
    done = Rehearsed()
    if checkpoint.is_file():
        memory = read_checkpoint(checkpoint)
        done = Rehearsed(**memory["progress"].values)
        recall_weights(learned, memory["weights"])
        recall_optimizer(optimizer, memory["optimizer"])
    saved = time.monotonic()
    with learning(model, name):
        while done.tokens < plan.tokens:
            some = [lines[i] for i in _numbers(len(lines), plan, done.step)]
            ids_BT, _ = pad_rows(model, [each.ids for each in some])
            logits_BTV = logits(model, ids_BT)
            there = logits_BTV.device
            loss = loss_of(logits_BTV, ids_BT.to(there), _weights(some, ids_BT).to(there))
            check_converging(loss.detach(), f"step {done.step}", plan.rate)
            torch.autograd.backward(loss)
            torch.nn.utils.clip_grad_norm_(list(learned.values()), CLIP)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            done.step += 1
            done.tokens += sum(each.counted for each in some)
            done.losses.append(loss.item())
            reporter.advance(min(done.tokens, plan.tokens), loss=done.losses[-1])
            if time.monotonic() - saved >= SAVE_SECONDS:
                parts = {
                    "progress": Memory(values=vars(done)),
                    "weights": weights_memory(learned),
                    "optimizer": optimizer_memory(optimizer),
                }
                write_checkpoint(checkpoint, parts)
                tick()
                saved = time.monotonic()
    return done


def _weights(lines: Sequence[Lines], ids_BT: Tensor) -> Tensor:
    """Of each token of the rows; of padding none."""
    length, device = ids_BT.shape[1], ids_BT.device
    rows = [[*each.weights, *[0.0] * (length - len(each.weights))] for each in lines]
    return torch.tensor(rows, device=device)


def _numbers(count: int, plan: Rehearsal, step: int) -> list[int]:
    """The rows of a step: each once in a pass, every pass in another order."""
    return [_shuffled(count, plan.seed, n // count)[n % count] for n in _places(plan, step)]


def _places(plan: Rehearsal, step: int) -> range:
    return range(step * plan.rows, (step + 1) * plan.rows)


def _shuffled(count: int, seed: int, turn: int) -> list[int]:
    order = list(range(count))
    random.Random(f"{seed} {turn}").shuffle(order)
    return order
