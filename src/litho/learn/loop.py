"""A training from its checkpoint to its end, with its measurements and its ledger."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from litho.core.runs import RunDirectory
from litho.learn.records import Check, LoopConfig, Step
from litho.learn.sources import RUNG
from litho.learn.steps import StepLedger
from litho.learn.trainer import Trainer
from litho.model.state import State


class Monitor(Protocol):
    """Measures an arm while it is trained."""

    def check(self, state: State, presentations: int) -> Check: ...


def train_arm(
    trainer: Trainer,
    arm: str,
    monitor: Monitor,
    run: RunDirectory,
    config: LoopConfig,
    anchored: bool,
    report: Callable[[Step], None] = lambda _: None,
) -> list[Step]:
    """Train to the end; return all steps of the arm. `anchored`: the anchor may end it early.

    Continues from the run's checkpoint if there is one. The result is the same, bit for bit,
    wherever it was interrupted: data order and replay depend on the step's number alone.
    """
    ledger, progress = StepLedger(run), trainer.progress
    checkpoint = checkpoint_path(run, arm)
    if checkpoint.exists():
        trainer.restore(checkpoint)
        progress = trainer.progress
    ledger.forget_after(arm, progress.done)
    steps = [Step(**r) for r in ledger.records(arm)]
    while progress.done < progress.last:
        step = trainer.step()
        if step.presentations % config.check_every == 0 or step.presentations == progress.last:
            step.check = monitor.check(trainer.what.state, step.presentations)
            if trainer.guard:
                trainer.guard.observe(step.check.drift_self)
            if anchored and anchor_formed(_of_the_text([*steps, step])):
                progress.last = min(progress.last, step.presentations + config.settle)
        steps.append(step)
        ledger.add(arm, step.presentations, step.model_dump())
        if step.check:
            trainer.save(checkpoint)
        report(step)
    return steps


def _of_the_text(steps: Sequence[Step]) -> list[Check]:
    """The checks that may end a training: a ladder has first to reach the text itself."""
    return [step.check for step in steps if step.check and step.shown != RUNG]


def checkpoint_path(run: RunDirectory, arm: str) -> Path:
    return run.path / f"checkpoint-{arm}.safetensors"


PATIENCE = 3  # checks without progress
PROGRESS = 0.01  # imprint that counts as progress


def anchor_formed(checks: Sequence[Check]) -> bool:
    """Whether the imprint on held-out rewordings has stopped improving."""
    values = [check.anchor for check in checks if check.anchor is not None]
    if len(values) <= PATIENCE:
        return False
    return max(values[-PATIENCE:]) < max(values[:-PATIENCE]) + PROGRESS
