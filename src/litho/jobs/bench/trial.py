"""One trial: an arm prints a text, and what it printed and broke is measured along the way."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path

import torch
from torch import Tensor, nn

from litho.core.errors import LithoError
from litho.jobs.bench.parts import Parts
from litho.jobs.bench.prepared import Prepared
from litho.jobs.bench.result import Trial, TrialMark
from litho.jobs.bench.rivals import OnPolicy
from litho.learn.depth import layers_by
from litho.learn.drift import DriftController, DriftGuard, Replay, shrink_to_budget
from litho.learn.micro import train_steps
from litho.learn.objectives import Objective, Rows, objective
from litho.learn.optimizer import OptimizerSpec
from litho.learn.records import LoopConfig
from litho.learn.sources import Climbing, Planned, StepSource
from litho.learn.trainable import TrainedAdapter
from litho.learn.trainer import Trainer
from litho.measure.printing.imprint import imprint_by_kind
from litho.measure.printing.probes import score
from litho.measure.printing.spill import spill, spill_scores
from litho.measure.volatility import Budget
from litho.model.adapters import lora, saved
from litho.model.adapters.keys import text_keys
from litho.model.adapters.spec import AdapterSpec
from litho.model.adapters.targets import target_modules
from litho.model.loaded import LanguageModel
from litho.model.read.caches import reads_on
from litho.model.state import State
from litho.present.ascent import CLIMBING, Ascent
from litho.present.rhythm import chosen_rhythm
from litho.text.items import targets_of
from litho.text.shipped import unrelated_prefixes
from litho.text.variants import MAX_MEAN_KL, STEP_SURPRISE

AFTERWARDS = 100  # steps on unrelated prose for the durability
AFTER_RANK, AFTER_RATE = 8, 2e-4  # rank of the adapter that takes them, and its learning rate
ARM, AFTER = "trial", "afterwards"


class TrialConfig(LoopConfig):
    """How long a trial trains, how it holds drift and when it measures."""

    presentations: int = 24
    warmup: int = 3
    settle: int = 8
    replay_rows: int = 2
    budget: float  # nats per token, on unseen self-samples
    checks: tuple[int, ...] = (4, 8, 14)  # presentations after which is measured; and the end


@dataclass
class Bench:
    """What all trials with one text share."""

    model: LanguageModel
    text: Prepared
    replay: Replay
    unseen: Replay
    retention: Replay  # the text on which D_ret is measured
    unrelated: Sequence[list[int]]  # rows of prose for the steps after the training
    decoys: Sequence[Path] = ()  # adapters for the arms that are trained beside them

    @property
    def printed(self) -> State:
        """The model with the adapter of the trial."""
        return State(self.model, (ARM,))


def run_trial(
    bench: Bench,
    name: str,
    parts: Parts,
    config: TrialConfig,
    spilled: bool,
    lasting: bool,
    trained: Callable[[], object] = lambda: None,
) -> Trial:
    """Train an arm and measure it; `spilled` and `lasting`: also spill and durability.

    `trained` is called once the training is done, with the adapter still on the model. Raises
    ValueError on an arm beside decoys where there are none.
    """
    if parts.decoys and not bench.decoys:
        raise ValueError(f"the bench has no decoys for {name}")
    began = time.monotonic()
    trial = Trial(
        arm=name,
        text=bench.text.case.id,
        seed=config.seed,
        learning_rate=config.learning_rate,
        kl_weight=parts.kl_weight,
    )
    try:
        with lora.restored(bench.model):
            _train(bench, trial, parts, config, spilled)
            trained()
            trial.drift = bench.retention.drift(bench.printed)
            if spilled:
                trial.spill_first = _spill(bench, first=True)
            if lasting:
                trial.durability = _durability(bench, trial.imprint["gen"])
    except LithoError as error:
        trial.failed = str(error)
    trial.seconds = round(time.monotonic() - began, 1)
    return trial


def _train(bench: Bench, trial: Trial, parts: Parts, config: TrialConfig, spilled: bool) -> None:
    """Present everything, and note in `trial` what was reached on the way and at the end."""
    # The rank is a part of the arm.
    config = config.model_copy(update={"rank": parts.rank, "alpha": 2 * parts.rank})
    with _counting(bench.model) as read:
        trainer = _trainer(bench, parts, config)
        trial.read = read[0]
        while trainer.progress.done < config.presentations:
            before = read[0]
            trial.tokens += trainer.step().tokens
            trial.read += read[0] - before
            if trainer.progress.done in config.checks:
                trial.curve.append(_mark(bench, trainer.progress.done, spilled))
                if trainer.guard:
                    trainer.guard.observe(trial.curve[-1].drift_self)
    if parts.drift == "held":
        trial.scale = shrink_to_budget(bench.model, ARM, bench.unseen, config.budget)
    trial.curve.append(_mark(bench, config.presentations, spilled))
    trial.imprint, trial.spill = trial.curve[-1].imprint, trial.curve[-1].spill


def _trainer(bench: Bench, parts: Parts, config: TrialConfig) -> Trainer:
    """What trains the arm; its adapter and the decoys are put on the model."""
    model, text = bench.model, bench.text
    source: StepSource = Planned(presentations_of(model, text, parts, config))
    asked = _objective(bench, parts, config.seed)
    layers = layers_by(parts.layers, text.pulled, text.depth, f"{text.case.id} {config.seed}")
    keys = _keys(bench, layers, config) if parts.keys == "text" else None
    if parts.ladder:
        up = round(CLIMBING * config.presentations)
        budget = Budget(MAX_MEAN_KL, STEP_SURPRISE)
        source = Climbing(Ascent(model, [text.case.text], budget, up), source)
    spec = AdapterSpec(config.rank, config.alpha, config.seed, tuple(layers), keys=keys)
    lora.attach(model, ARM, spec)
    decoys = bench.decoys if parts.decoys else ()
    for folder in decoys:
        saved.load(model, folder.name, folder)
    return Trainer(
        TrainedAdapter(model, ARM, [[folder.name] for folder in decoys]),
        source,
        OptimizerSpec.of(config),
        config.presentations,
        config.micro_tokens,
        asked,
        _guard(bench, parts, config),
    )


def _guard(bench: Bench, parts: Parts, config: TrialConfig) -> DriftGuard | None:
    if parts.drift == "free":
        return None
    if parts.drift == "fixed":
        controller = DriftController.fixed(parts.kl_weight, config.budget)
    else:
        controller = DriftController(budget=config.budget, weight=parts.kl_weight)
    return DriftGuard(bench.replay, controller, config.replay_rows, config.seed)


def _keys(bench: Bench, layers: Sequence[int], config: TrialConfig) -> dict[str, Tensor]:
    rows, others_BT = bench.text.versions["text"][0], bench.replay.ids_BT
    return text_keys(bench.model, rows, others_BT, config.rank, layers, config.seed)


def _objective(bench: Bench, parts: Parts, seed: int) -> Objective:
    if parts.loss == "on_policy":
        return OnPolicy(bench.model, bench.text.case.text, ARM, seed)
    return objective(parts.loss, bench.model, [bench.text.case.text])


def presentations_of(
    model: LanguageModel, text: Prepared, parts: Parts, config: TrialConfig
) -> list[Rows]:
    """What an arm is shown: as many tokens in each presentation as the text has.

    Another seed begins at another version.
    """
    begin = config.seed * len(text.kinds[parts.versions]) // 3
    versions, kinds = (
        [*each[begin:], *each[:begin]]
        for each in (text.versions[parts.versions], text.kinds[parts.versions])
    )
    order = chosen_rhythm(parts.rhythm)(kinds, config.presentations)
    # Versions shorter than the text run out early: the order goes on from its beginning.
    rows = [
        row
        for place in islice(cycle(order), 4 * len(order))
        if place is not None
        for row in versions[place]
    ]
    if parts.loss == "on_policy":
        return [versions[0]]
    size = len(model.encode(text.case.text)) - 1
    return list(islice(portions(rows, size, len(model.start)), config.presentations))


def portions(
    rows: Sequence[Sequence[int]], tokens: int, opening: int
) -> Iterator[list[Sequence[int]]]:
    """Rows in portions of exactly `tokens` supervised tokens.

    A row that does not fit goes on in the next portion, behind its first `opening` tokens.
    """
    portion: list[Sequence[int]] = []
    room = tokens
    for row in rows:
        while len(row) - 1 > room:
            portion.append(row[: room + 1])
            row = [*row[:opening], *row[room + 1 :]]
            yield portion
            portion, room = [], tokens
        if len(row) > 1:
            portion.append(row)
            room -= len(row) - 1
        if not room:
            yield portion
            portion, room = [], tokens


def _mark(bench: Bench, presentations: int, spilled: bool) -> TrialMark:
    after = score(bench.printed, bench.text.scored.probes)
    part = Replay(bench.retention.ids_BT[::4], bench.retention.logits_BTV[::4])
    return TrialMark(
        presentations=presentations,
        imprint={k: e.value for k, e in imprint_by_kind(bench.text.scored, after).items()},
        drift=part.drift(bench.printed),
        drift_self=bench.unseen.drift(bench.printed),
        spill=_spill(bench, first=False) if spilled else None,
    )


def _spill(bench: Bench, first: bool) -> float:
    words = targets_of(bench.text.scored.probes)
    after = spill_scores(bench.printed, words, unrelated_prefixes())
    text = bench.text
    rise = spill(text.spill_first, after.first) if first else spill(text.spill, after.whole)
    value = rise.value
    assert value is not None
    return value


def _durability(bench: Bench, before: float | None) -> float | None:
    """I_gen after 100 steps of a second, plain adapter on unrelated prose, over I_gen before.

    The second adapter is the same for all arms, whatever theirs is.
    """
    model = bench.model
    with lora.fresh(model, AFTER, AdapterSpec(AFTER_RANK)):
        for _ in train_steps(model, AFTER, bench.unrelated, AFTERWARDS, AFTER_RATE, (ARM,)):
            pass
        after = score(State(model, (ARM, AFTER)), bench.text.scored.probes)
    left = imprint_by_kind(bench.text.scored, after)["gen"].value
    return left / before if before and left is not None else None


@contextmanager
def _counting(model: LanguageModel) -> Iterator[list[int]]:
    """Counts the tokens that go through the model, whatever for.

    But for those on which it is tried, once a network, what it can do.
    """
    target_modules(model)
    reads_on(model)
    read = [0]

    def count(_: nn.Module, args: tuple[torch.Tensor, ...], __: object) -> None:
        read[0] += args[0].numel()

    handle = model.network.get_input_embeddings().register_forward_hook(count)
    try:
        yield read
    finally:
        handle.remove()
