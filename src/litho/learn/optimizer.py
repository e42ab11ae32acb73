"""The optimizer of a training and its learning rate."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import nn

from litho.learn.records import LoopConfig


@dataclass(frozen=True)
class OptimizerSpec:
    """AdamW or plain SGD without weight decay; the learning rate may warm up and fall again."""

    learning_rate: float
    kind: Literal["adamw", "sgd"] = "adamw"
    warmup: int = 1  # steps until the learning rate is reached
    settle: int = 1  # steps at the end in which it falls to zero
    clip: float | None = None  # norm of the gradient
    fused: bool = False  # torch's fused kernel, whose last bits differ

    @classmethod
    def of(cls, config: LoopConfig) -> "OptimizerSpec":
        return cls(
            config.learning_rate, warmup=config.warmup, settle=config.settle, clip=config.clip
        )

    def made(self, weights: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        """The optimizer for these weights."""
        make = torch.optim.AdamW if self.kind == "adamw" else torch.optim.SGD
        # fused=False would also rule out torch's own choice of kernel.
        fused = True if self.fused else None
        return make(weights, lr=self.learning_rate, weight_decay=0.0, fused=fused)

    def rate(self, done: int, last: int) -> float:
        """The learning rate after `done` of `last` steps (warmup-stable-decay)."""
        rise = min(1.0, (done + 1) / self.warmup)
        fall = min(1.0, (last - done) / self.settle)
        return self.learning_rate * rise * fall
