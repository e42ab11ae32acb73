"""The training loop of one arm: presentations in, adapter out, resumable at any moment."""

import json
import random
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from pydantic import BaseModel, Field
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from litho.core.config import Config
from litho.core.runs import Ledger, RunDirectory, whole_file
from litho.model import adapters
from litho.model.frozen import FrozenBelow
from litho.model.loading import LanguageModel
from litho.model.scoring import logits
from litho.train.ascent import Ascent
from litho.train.control import DriftController
from litho.train.losses import ROWS_AT_ONCE, backward_drift, check_converging, drift_on
from litho.train.objectives import Objective, Rows, all_tokens

RUNG, REPLAY = "ladder", "replay"
Presentation = Rows  # rows of token ids; none: only self-samples are replayed


class LoopConfig(Config):
    """How an arm is trained; the same for the imprint and its controls."""

    presentations: int = Field(50, ge=1)
    rank: int = Field(8, ge=1)
    alpha: int = Field(16, ge=1)
    learning_rate: float = Field(1e-3, gt=0)
    warmup: int = Field(4, ge=1)  # presentations until the learning rate is reached
    settle: int = Field(10, ge=1)  # presentations at the end in which it falls to zero
    replay_rows: int = Field(3, ge=1)  # self-samples in a step, for the drift term
    clip: float = Field(1.0, gt=0)  # norm of the gradient
    check_every: int = Field(5, ge=1)  # presentations between two measurements and checkpoints
    micro_tokens: int = Field(256, ge=1)  # padded tokens in one forward pass
    seed: int = 0


class Check(BaseModel):
    """What was measured after so many presentations."""

    presentations: int
    anchor: float | None  # imprint on held-out rewordings that Litho made; steers the stop
    anchor_interval: tuple[float, float] | None = None
    imprint: dict[str, float | None]  # on the probes of the report; steers nothing
    drift_self: float  # nats a token, on self-samples kept out of training
    drift_retention: float  # nats a token, on part of the retention text


class Step(BaseModel):
    """One presentation in the ledger."""

    presentations: int
    tokens: int  # supervised
    loss: float | None  # nats a token; none where only self-samples were replayed
    drift: float | None  # nats a token on the replay rows of this step, before it
    weight: float | None
    shown: str | None = None  # what made the presentation: an operator, RUNG, or nothing but REPLAY
    rung: str | None = None  # the version of the text that a ladder had reached
    left: int | None = None  # tokens of the text that the ladder has yet to bring in
    check: Check | None = None


class Monitor(Protocol):
    """Measures an arm while it is trained."""

    def check(self, presentations: int) -> Check: ...


class Progress(BaseModel):
    """State of the loop besides tensors."""

    done: int = 0
    last: int  # presentations after which the arm ends
    controller: DriftController | None
    versions: list[list[int]] | None = None  # of the text, that a ladder has reached


@dataclass
class Replay:
    """Self-samples of the base model and what the base says on them."""

    ids_BT: Tensor
    logits_BTV: Tensor

    @classmethod
    @torch.no_grad()
    def read(cls, model: LanguageModel, rows: Sequence[Sequence[int]]) -> "Replay":
        """Let the untouched base read `rows`, all of one length."""
        ids_BT = torch.tensor([list(row) for row in rows])
        with model.state(None):
            found = [logits(model, ids) for ids in torch.split(ids_BT, ROWS_AT_ONCE)]
        return cls(ids_BT, torch.cat(found))

    def drift(self, model: LanguageModel) -> float:
        return drift_on(model, self.ids_BT, self.logits_BTV)


@dataclass
class Arm:
    """One thing to train: the imprint, or a control."""

    name: str
    presentations: Sequence[Presentation]
    controller: DriftController | None  # None: drift is not held
    anchored: bool  # whether the anchor may end it early
    objective: Objective = all_tokens
    layers: Sequence[int] | None = None  # that get an adapter; None: all
    keys: Mapping[str, Tensor] | None = None  # what its A is for good; None: drawn, and trained
    kinds: Sequence[str] = ()  # what made each presentation, if that is known
    ascent: Ascent | None = None  # made on the untouched model; its rungs are shown first
    beside: Sequence[str] = ()  # adapters that are on, by turns, while a presentation is learned


def train_arm(
    model: LanguageModel,
    arm: Arm,
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
    ledger = Ledger(run)
    loop = ArmLoop(model, arm, config)
    checkpoint = checkpoint_path(run, arm.name)
    if checkpoint.exists():
        loop.restore(checkpoint)
    ledger.forget_after(arm.name, loop.progress.done)
    steps = [Step(**r) for r in ledger.records(arm.name)]
    while loop.progress.done < loop.progress.last:
        step = loop.present(replay)
        if step.presentations % config.check_every == 0 or step.presentations == loop.progress.last:
            step.check = monitor.check(step.presentations)
            loop.calibrate(step.check.drift_self)
            checks = [s.check for s in steps if s.check] + [step.check]
            if arm.anchored and anchor_formed(checks):
                loop.progress.last = min(loop.progress.last, step.presentations + config.settle)
        steps.append(step)
        ledger.add(arm.name, step.presentations, step.model_dump())
        if step.check:
            loop.save(checkpoint)
        report(step)
    ledger.close()
    return steps


@torch.no_grad()
def shrink_to_budget(model: LanguageModel, arm: str, unseen: Replay, budget: float) -> float:
    """Scale the adapter down until its drift on `unseen` is within `budget`; return the factor.

    1.0 where the controller has done its work. LoRA's update is linear in B, so that scaling B
    scales the update, and at 0 the model is the base again.
    """
    if unseen.drift(model) <= budget:
        return 1.0
    matrices = {n: p for n, p in adapters.weights(model, arm).items() if ".lora_B." in n}
    full = {name: parameter.clone() for name, parameter in matrices.items()}

    def scale_to(factor: float) -> None:
        for name, parameter in matrices.items():
            parameter.copy_(full[name] * factor)

    fits, too_much = 0.0, 1.0
    for _ in range(HALVINGS):
        middle = (fits + too_much) / 2
        scale_to(middle)
        if unseen.drift(model) <= budget:
            fits = middle
        else:
            too_much = middle
    scale_to(fits)
    return fits


def checkpoint_path(run: RunDirectory, arm: str) -> Path:
    return run.path / f"checkpoint-{arm}.safetensors"


HALVINGS = 6  # the factor is found to 1/64
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

    def __init__(self, model: LanguageModel, arm: Arm, config: LoopConfig) -> None:
        self.model, self.arm, self.config = model, arm, config
        adapters.attach(
            model, arm.name, config.rank, config.alpha, config.seed, arm.layers, arm.keys
        )
        self.frozen = FrozenBelow(model, arm.name)
        self.weights: dict[str, nn.Parameter] = adapters.weights(model, arm.name)
        learning = [weight for weight in self.weights.values() if weight.requires_grad]
        self.optimizer = torch.optim.AdamW(learning, lr=0.0, weight_decay=0.0)
        self.progress = Progress(last=config.presentations, controller=arm.controller)

    def present(self, replay: Replay) -> Step:
        """One presentation: forward, backward, drift term, step."""
        config, progress = self.config, self.progress
        self._set_learning_rate()
        with adapters.mixed_precision(self.model):
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
        return adapters.learning(self.model, self.arm.name, [other])

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
