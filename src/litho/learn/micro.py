"""Micro fine-tunes: a few plain steps on an adapter, to see what training does."""

from collections.abc import Iterator, Sequence

import torch
from torch import nn

from litho.learn.losses import backward_text, check_converging
from litho.model.adapters import lora
from litho.model.loaded import LanguageModel
from litho.model.watch.frozen import FrozenBelow

MICRO_TOKENS = 512


def train_steps(
    model: LanguageModel,
    name: str,
    rows: Sequence[Sequence[int]],
    steps: int,
    learning_rate: float,
    beside: tuple[str, ...] = (),
) -> Iterator[int]:
    """Train the adapter `name`, one row a step, rows in turn; yields the number of steps done.

    `beside`: adapters that are active, too, and are not trained.

    AdamW without weight decay, a constant learning rate, gradients clipped to norm 1. Between two
    steps the model may be read in any state. What lies below the adapter's lowest layer is computed
    once for every row.
    """
    weights: dict[str, nn.Parameter] = lora.weights(model, name)
    optimizer = torch.optim.AdamW(weights.values(), lr=learning_rate, weight_decay=0.0)
    frozen = FrozenBelow(model, name)
    for step in range(steps):
        with torch.enable_grad(), lora.learning(model, name, beside):
            with frozen.active():
                backward_text(model, [rows[step % len(rows)]], MICRO_TOKENS)
            norm = nn.utils.clip_grad_norm_(weights.values(), 1.0)
            check_converging(norm, f"step {step + 1}", learning_rate)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        yield step + 1
