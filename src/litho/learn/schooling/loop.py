"""The loop of a school: AdamW at one rate, losses by subject, the mean of a stage's last weights.

All that a step depends on is in the memory, so that a training that is stopped anywhere ends in the
same bytes.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from litho.core.errors import LithoError
from litho.learn.checkpoint import (
    Memory,
    optimizer_memory,
    recall_optimizer,
    recall_weights,
    weights_memory,
)
from litho.learn.schooling.gradients import Gradients, Rows
from litho.learn.schooling.helpers import Helpers
from litho.learn.schooling.hold import Hold
from litho.learn.schooling.rows import Batch
from litho.model.learner import Learner

BETAS, DECAY, CLIP = (0.9, 0.95), 0.0, 1.0
RECORDS = 20  # of the losses of a stage, at most


@dataclass(frozen=True)
class Teaching:
    """How it is trained; of the same meaning as in a genome."""

    batch_tokens: int
    peak_lr: float
    warmup: int  # steps
    average_last: int
    average_every: int  # tokens

    def is_snapshot(self, left: int) -> bool:
        """Whether the weights with so many steps of a stage left are part of its mean."""
        every = max(1, round(self.average_every / self.batch_tokens))
        return left % every == 0 and left // every < self.average_last


@dataclass
class Progress:
    """How far a training is."""

    step: int = 0  # of this stage
    steps: int = 0  # of all stages
    tokens: int = 0  # of all stages
    snapshots: int = 0  # of this stage
    records: list[dict[str, Any]] = field(default_factory=list)


class Course(Protocol):
    """What is read, step by step."""

    @property
    def length(self) -> int: ...

    def batch(self, step: int, steps: int) -> Batch: ...


class Schooling:
    """Trains a learner on one stage after the other."""

    def __init__(
        self,
        learner: Learner,
        teaching: Teaching,
        subjects: Sequence[str],
        helpers: Helpers | None = None,
        hold: Hold | None = None,
    ) -> None:
        self.learner, self.teaching, self.subjects = learner, teaching, list(subjects)
        self.progress = Progress()
        self._weights: list[nn.Parameter] = list(learner.weights.values())
        self._optimizer = torch.optim.AdamW(
            self._weights, lr=teaching.peak_lr, betas=BETAS, weight_decay=DECAY, fused=True
        )
        self._sum = [torch.zeros_like(weight) for weight in self._weights]
        self._gradients = Gradients(learner.network, learner.read, len(self.subjects))
        self._helpers, self._hold = helpers, hold

    def begin(self) -> None:
        """Begin a stage."""
        self.progress.step = self.progress.snapshots = 0
        for each in self._sum:
            each.zero_()

    def step(self, stage: str, rows: Course, steps: int) -> bool:
        """The next step of `steps` of a stage; whether a record of the losses was made."""
        progress, teaching = self.progress, self.teaching
        batch = rows.batch(progress.step, steps)
        counted = int((batch.targets_BT >= 0).sum())
        shares_BT = _shares(batch.weights_BT)
        read = Rows(
            batch.ids_BT,
            batch.targets_BT,
            batch.subjects_BT,
            1 / counted if shares_BT is None else shares_BT,
        )
        self._gradients.add(self._helpers.begin(read) if self._helpers else read)
        if self._helpers:
            self._helpers.end(self._gradients, self._weights)
        if self._hold:
            self._hold.pull(progress.steps)
        rate = teaching.peak_lr * min(1.0, (progress.steps + 1) / max(1, teaching.warmup))
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        nn.utils.clip_grad_norm_(self._weights, CLIP)
        self._optimizer.step()
        self._optimizer.zero_grad(set_to_none=True)
        progress.step += 1
        progress.steps += 1
        progress.tokens += counted
        left = steps - progress.step
        if teaching.is_snapshot(left):
            self._take_snapshot()
        if left and progress.step % max(1, -(-steps // RECORDS)):
            return False
        self._record(stage)
        return True

    def end(self, stage: str) -> None:
        """End a stage. Of one that was cut off before its snapshots, the last weights are one."""
        self._record(stage)
        if not self.progress.snapshots:
            self._take_snapshot()

    def _take_snapshot(self) -> None:
        self.progress.snapshots += 1
        torch._foreach_add_(self._sum, [weight.detach() for weight in self._weights])

    def _record(self, stage: str) -> None:
        """Note the losses since the last record, if there are any."""
        if self._gradients.count_K.any():
            self.progress.records.append(self._recorded(stage))

    def _recorded(self, stage: str) -> dict[str, Any]:
        """Losses since the last record, in nats per token. Raises LithoError if one is none."""
        nats, count = self._gradients.nats_K.tolist(), self._gradients.count_K.tolist()
        self._gradients.forget()
        loss = sum(nats) / sum(count)
        if not math.isfinite(loss):
            raise LithoError(
                f"the training diverged in stage {stage!r}, before step {self.progress.step}: "
                f"choose a train.peak_lr below {self.teaching.peak_lr}"
            )
        by_subject = {
            name: [total / number, int(number)]
            for name, total, number in zip(self.subjects, nats, count, strict=True)
            if number
        }
        said = {"stage": stage, "step": self.progress.step, "tokens": self.progress.tokens}
        return said | {"loss": loss, "subjects": by_subject}

    @torch.no_grad()
    def take_mean(self) -> None:
        """Let the learner have the mean of the stage's snapshots: its training ends here."""
        for weight, total in zip(self._weights, self._sum, strict=True):
            weight.copy_(total / self.progress.snapshots)

    def memory(self) -> dict[str, Memory]:
        """Everything that the steps to come depend on."""
        names = list(self.learner.weights)
        found = self._gradients
        told = zip(self.subjects, found.nats_K.tolist(), found.count_K.tolist(), strict=True)
        losses = {name: [nats, count] for name, nats, count in told if count}
        return {
            "progress": Memory(values=vars(self.progress)),
            "losses": Memory(values=losses),
            "weights": weights_memory(self.learner.weights),
            "mean": Memory(dict(zip(names, self._sum, strict=True))),
            "optimizer": optimizer_memory(self._optimizer),
            **({"hold": self._hold.memory()} if self._hold else {}),
        }

    @torch.no_grad()
    def recall(self, memory: dict[str, Memory]) -> None:
        """Go on from there."""
        self.progress = Progress(**memory["progress"].values)
        for name, (nats, count) in memory["losses"].values.items():
            self._gradients.nats_K[self.subjects.index(name)] = nats
            self._gradients.count_K[self.subjects.index(name)] = count
        recall_weights(self.learner.weights, memory["weights"])
        recall_optimizer(self._optimizer, memory["optimizer"])
        if self._hold:
            self._hold.recall(memory["hold"])
        for name, total in zip(self.learner.weights, self._sum, strict=True):
            total.copy_(memory["mean"].tensors[name])


def _shares(weights_BT: Tensor | None) -> Tensor | None:
    """The weights of the targets of a step over their sum; 0 where that is 0."""
    if weights_BT is None:
        return None
    return weights_BT / weights_BT.sum().clamp(min=torch.finfo(weights_BT.dtype).tiny)
