"""The training loop of one arm: presentations in, adapter out, resumable at any moment."""

import json
import random
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from pydantic import BaseModel
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from litho.core.files import whole_file
from litho.core.runs import RunDirectory
from litho.learn.drift import DriftController, Replay
from litho.learn.losses import backward_drift, check_converging
from litho.learn.objectives import Objective, Rows, all_tokens
from litho.learn.records import Check, LoopConfig, Step
from litho.learn.steps import StepLedger
from litho.model.adapters import lora
from litho.model.adapters.spec import AdapterSpec
from litho.model.loaded import LanguageModel
from litho.model.state import State
from litho.model.watch.frozen import FrozenBelow

RUNG, REPLAY = "ladder", "replay"
Presentation = Rows  # rows of token ids; none: only self-samples are replayed


class Monitor(Protocol):
    """Measures an arm while it is trained."""

    def check(self, state: State, presentations: int) -> Check: ...


class StepSource(Protocol):
    """Presentations that are made on the model as it learns, shown before the planned ones."""

    @property
    def arrived(self) -> bool:
        """Whether it has nothing more to show."""
        ...

    @property
    def text(self) -> str:
        """What is shown, as it reads."""
        ...

    @property
    def left(self) -> int:
        """Tokens of the text that are still to be brought in."""
        ...

    @property
    def versions(self) -> list[list[int]]:
        """State from which `resume` goes on: token ids by scene."""
        ...

    def rows(self, done: int) -> list[list[int]]:
        """What is presented next, after `done` presentations."""
        ...

    def resume(self, versions: Sequence[list[int]]) -> None: ...


class Progress(BaseModel):
    """State of the loop besides tensors."""

    done: int = 0
    last: int  # presentations after which the arm ends
    controller: DriftController | None
    versions: list[list[int]] | None = None  # of the text, that a ladder has reached


@dataclass
class TrainedArm:
    """One thing to train: the imprint, or a control."""

    name: str
    presentations: Sequence[Presentation]
    controller: DriftController | None  # None: drift is not held
    anchored: bool  # whether the anchor may end it early
    objective: Objective = all_tokens
    layers: Sequence[int] | None = None  # that get an adapter; None: all
    keys: Mapping[str, Tensor] | None = None  # what its A is for good; None: drawn, and trained
    kinds: Sequence[str] = ()  # what made each presentation, if that is known
    ascent: StepSource | None = None  # made on the untouched model; its rungs are shown first
    beside: Sequence[str] = ()  # adapters that are on, by turns, while a presentation is learned


def train_arm(
    model: LanguageModel,
    arm: TrainedArm,
    replay: Replay,
    monitor: Monitor,
    run: RunDirectory,
    config: LoopConfig,
    report: Callable[[Step], None] = lambda _: None,
) -> list[Step]:
    """Train `arm` and leave its adapter, named like it, on the model; return all its steps.

    Continues from the run's checkpoint if there is one. The result is the same, bit for bit,
    wherever it was interrupted: data order and replay depend on the step's number alone.
    """
    ledger = StepLedger(run)
    loop = ArmLoop(model, arm, config)
    checkpoint = checkpoint_path(run, arm.name)
    if checkpoint.exists():
        loop.restore(checkpoint)
    ledger.forget_after(arm.name, loop.progress.done)
    steps = [Step(**r) for r in ledger.records(arm.name)]
    while loop.progress.done < loop.progress.last:
        step = loop.present(replay)
        if step.presentations % config.check_every == 0 or step.presentations == loop.progress.last:
            step.check = monitor.check(loop.state, step.presentations)
            loop.calibrate(step.check.drift_self)
            checks = [s.check for s in steps if s.check] + [step.check]
            if arm.anchored and anchor_formed(checks):
                loop.progress.last = min(loop.progress.last, step.presentations + config.settle)
        steps.append(step)
        ledger.add(arm.name, step.presentations, step.model_dump())
        if step.check:
            loop.save(checkpoint)
        report(step)
    return steps


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


class ArmLoop:
    """Adapter, optimiser and progress of an arm.

    An arm with an ascent is first shown its rungs, until the text itself is reached.
    """

    def __init__(self, model: LanguageModel, arm: TrainedArm, config: LoopConfig) -> None:
        self.model, self.arm, self.config = model, arm, config
        layers = None if arm.layers is None else tuple(arm.layers)
        spec = AdapterSpec(config.rank, config.alpha, config.seed, layers, keys=arm.keys)
        lora.attach(model, arm.name, spec)
        self.state = State(model, (arm.name,))
        self.frozen = FrozenBelow(model, arm.name)
        self.weights: dict[str, nn.Parameter] = lora.weights(model, arm.name)
        learning = [weight for weight in self.weights.values() if weight.requires_grad]
        self.optimizer = torch.optim.AdamW(learning, lr=0.0, weight_decay=0.0)
        self.progress = Progress(last=config.presentations, controller=arm.controller)

    def present(self, replay: Replay) -> Step:
        """One presentation: forward, backward, drift term, step."""
        config, progress = self.config, self.progress
        self._set_learning_rate()
        with self.state.active(), lora.mixed_precision(self.model):
            rows, shown = self._next()
            step = Step(
                presentations=progress.done + 1,
                tokens=sum(len(row) - 1 for row in rows),
                loss=self._learn(rows),
                drift=None,
                weight=None,
                **shown,
            )
            if progress.controller:
                step.weight = progress.controller.weight
                step.drift = self._hold(replay, step.weight)
                progress.controller.observe(step.drift)
        norm = nn.utils.clip_grad_norm_(self.weights.values(), config.clip)
        check_converging(norm, f"presentation {step.presentations}", config.learning_rate)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        progress.done += 1
        return step

    def _next(self) -> tuple[Presentation, dict[str, Any]]:
        """What is presented next, a rung of the ladder or one of the arm's presentations.

        With what the ledger says of it.
        """
        arm, progress = self.arm, self.progress
        if arm.ascent and not arm.ascent.arrived:
            rows = arm.ascent.rows(progress.done)
            progress.versions = arm.ascent.versions
            return rows, {"shown": RUNG, "rung": arm.ascent.text, "left": arm.ascent.left}
        place = progress.done % len(arm.presentations)
        return arm.presentations[place], {"shown": arm.kinds[place] if arm.kinds else None}

    def _learn(self, rows: Presentation) -> float | None:
        if not rows:
            return None
        done = self.progress.done / self.progress.last
        with self._joined():
            return self.arm.objective(self.model, rows, self.config.micro_tokens, done)

    def _joined(self) -> AbstractContextManager[None]:
        """What a presentation goes through: the arm's adapter, alone or beside another one."""
        beside = self.arm.beside
        if not beside:
            return self.frozen.active()
        other = beside[self.progress.done % len(beside)]
        return lora.learning(self.model, self.arm.name, [other])

    def _hold(self, replay: Replay, weight: float) -> float:
        """Pull back to the base on a few self-samples; return the drift there."""
        chance = random.Random(f"{self.config.seed} replay {self.progress.done}")
        chosen = chance.sample(range(len(replay.ids_BT)), self.config.replay_rows)
        with self.frozen.active():
            return backward_drift(
                self.model, replay.ids_BT[chosen], replay.logits_BTV[chosen], weight
            )

    def calibrate(self, unseen: float) -> None:
        """Tell the controller, if there is one, the drift on samples that are not trained on."""
        if self.progress.controller:
            self.progress.controller.calibrate(unseen)

    def _set_learning_rate(self) -> None:
        """Warm up, stay, and fall to zero over the last presentations (warmup-stable-decay)."""
        done, last = self.progress.done, self.progress.last
        rise = min(1.0, (done + 1) / self.config.warmup)
        fall = min(1.0, (last - done) / self.config.settle)
        for group in self.optimizer.param_groups:
            group["lr"] = self.config.learning_rate * rise * fall

    def save(self, path: Path) -> None:
        """Write weights, optimiser state and progress into one safetensors file."""
        tensors = {f"weight {name}": p.detach() for name, p in self.weights.items()}
        for name, parameter in self.weights.items():
            for key, value in self.optimizer.state[parameter].items():
                tensors[f"{key} {name}"] = value
        with whole_file(path) as temporary:
            save_file(tensors, temporary, metadata={"progress": self.progress.model_dump_json()})

    def restore(self, path: Path) -> None:
        """Continue from what `save` wrote."""
        with safe_open(path, "pt") as file, torch.no_grad():
            self.progress = Progress(**json.loads(file.metadata()["progress"]))
            if self.arm.ascent and self.progress.versions:
                self.arm.ascent.resume(self.progress.versions)
            for key in file.keys():  # noqa: SIM118  no mapping
                kind, _, name = key.partition(" ")
                if kind == "weight":
                    self.weights[name].copy_(file.get_tensor(key))
                else:
                    self.optimizer.state[self.weights[name]][kind] = file.get_tensor(key)
