"""The one training loop: a source of steps, what learns, an objective, and what holds drift."""

from collections.abc import Sequence
from pathlib import Path

import torch
from pydantic import BaseModel
from torch import nn

from litho.learn import checkpoint
from litho.learn.checkpoint import Memory, Remembers
from litho.learn.drift import DriftGuard
from litho.learn.losses import backward_targets, check_converging
from litho.learn.objectives import Batch, Objective, Rows, all_tokens
from litho.learn.optimizer import OptimizerSpec
from litho.learn.records import Step
from litho.learn.sources import Presentation, StepSource
from litho.learn.trainable import Trainable
from litho.model.adapters import lora
from litho.model.read.scoring import Target

MICRO_TOKENS = 512  # padded tokens in one forward pass


def text_tokens(rows: Rows) -> int:
    """Supervised tokens of a text."""
    return sum(len(row) - 1 for row in rows)


def reply_tokens(replies: Sequence[Target]) -> int:
    """Supervised tokens of answers."""
    return sum(len(target.ids) - target.first for target in replies)


class Progress(BaseModel):
    """How far a training is."""

    done: int = 0  # steps of the optimizer
    last: int  # steps after which it ends


class Trainer:
    """Trains something step by step; between two steps the model may be read in any state.

    A step is a presentation of the `source`, of which the `objective` leaves a gradient, then the
    gradient that the `guard` against drift adds, then a step of the optimizer. A training that is
    saved and restored goes on to the same weights, bit for bit.
    """

    def __init__(
        self,
        what: Trainable,
        source: StepSource,
        optimizer: OptimizerSpec,
        steps: int,
        micro_tokens: int = MICRO_TOKENS,
        objective: Objective = all_tokens,
        guard: DriftGuard | None = None,
    ) -> None:
        """`steps`: how many there will be; `micro_tokens`: padded tokens in one forward pass."""
        self.what, self.source, self.objective, self.guard = what, source, objective, guard
        self.progress = Progress(last=steps)
        self._spec, self._micro_tokens = optimizer, micro_tokens
        self.optimizer = optimizer.made(what.learned)

    def step(self, stride: int = 1) -> Step:
        """One step, or several of the optimizer along one gradient.

        Raises LithoError if the training diverges.
        """
        step = self.gradient()
        self.advance(stride)
        return step

    def gradient(self) -> Step:
        """The first half of a step: leave the gradient, clipped, in the weights."""
        done, model = self.progress.done, self.what.state.model
        with self.what.state.active(), lora.mixed_precision(model):
            shown = self.source.next(done)
            step = Step(
                presentations=done + 1,
                tokens=text_tokens(shown.rows) + reply_tokens(shown.replies),
                loss=self._learn(shown),
                drift=None,
                weight=None,
                shown=shown.kind,
                rung=shown.rung,
                left=shown.left,
            )
            if self.guard:
                step.weight = self.guard.weight
                with self.what.alone():
                    step.drift = self.guard.hold(model, done)
        self._check_and_clip(step)
        return step

    def advance(self, stride: int = 1) -> None:
        """The second half of a step: so many steps of the optimizer along the gradient."""
        rate = self._spec.rate(self.progress.done, self.progress.last)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        for _ in range(stride):
            self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.progress.done += stride

    def _learn(self, shown: Presentation) -> float | None:
        """The loss of the text; a token of a reply counts as much as one of the text."""
        if not shown.rows:
            return None
        progress, model = self.progress, self.what.state.model
        part = progress.done / progress.last
        with self.what.learning(progress.done):
            loss = self.objective(Batch(model, shown.rows, self._micro_tokens, part))
            if shown.replies:
                weight = reply_tokens(shown.replies) / text_tokens(shown.rows)
                backward_targets(model, shown.replies, self._micro_tokens, weight)
        return loss

    def _check_and_clip(self, step: Step) -> None:
        when = f"step {step.presentations}"
        if step.loss is not None:
            check_converging(step.loss, when, self._spec.learning_rate)
        if self._spec.clip is not None:
            norm = nn.utils.clip_grad_norm_(self.what.learned, self._spec.clip)
            check_converging(norm, when, self._spec.learning_rate)

    def save(self, path: Path) -> None:
        """Write a checkpoint: all that the steps to come depend on and the arguments do not say."""
        checkpoint.write_checkpoint(
            path,
            {
                "progress": Memory(values=self.progress.model_dump()),
                "weights": checkpoint.weights_memory(self.what.weights),
                "optimizer": checkpoint.optimizer_memory(self.optimizer),
                "random": checkpoint.random_memory(self._device),
                **{part: thing.memory() for part, thing in self._remembering().items()},
            },
        )

    def restore(self, path: Path) -> None:
        """Go on from a checkpoint of a trainer with the same arguments."""
        memories = checkpoint.read_checkpoint(path)
        self.progress = Progress(**memories["progress"].values)
        checkpoint.recall_weights(self.what.weights, memories["weights"])
        checkpoint.recall_optimizer(self.optimizer, memories["optimizer"])
        checkpoint.recall_random(memories["random"], self._device)
        for part, thing in self._remembering().items():
            thing.recall(memories[part])

    @property
    def _device(self) -> torch.device:
        return self.what.state.model.device

    def _remembering(self) -> dict[str, Remembers]:
        parts = {"source": self.source, "objective": self.objective, "guard": self.guard}
        return {part: thing for part, thing in parts.items() if isinstance(thing, Remembers)}
