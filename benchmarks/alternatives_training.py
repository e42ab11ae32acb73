"""Training an alternative for as long as the clock says, with looks at what it has reached."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch
from alternatives_page import Bench, Mark, Page, Ready
from torch import Tensor

from litho.learn.drift import Replay
from litho.learn.objectives import Objective, all_tokens
from litho.learn.optimizer import OptimizerSpec
from litho.learn.sources import StepSource
from litho.learn.trainable import Trainable, TrainedAdapter
from litho.learn.trainer import Trainer
from litho.measure.printing.imprint import imprint, imprint_by_kind
from litho.measure.printing.probes import score
from litho.model.adapters import lora
from litho.model.adapters.spec import AdapterSpec
from litho.model.state import State

ADAPTER = "alternative"
# As many weights as an imprint has by default, though there a half of them is held.
LORA = AdapterSpec(rank=32, alpha=64)
MADE = 0.4  # share of the time in which a model may make its own training texts
CLIP, WARMUP = 1.0, 4
CHECK_EVERY = 5  # steps
CURVE_BLOCKS = 4  # of the retention text, in each look
ENDLESS = 10**9  # steps: the clock ends a training

Weights = dict[str, Tensor]
STOPS: dict[str, Callable[[Mark], float]] = {
    "end": lambda mark: mark.steps,
    "best I gen": lambda mark: mark.imprint["gen"] or 0.0,
    "best anchor": lambda mark: mark.anchor or 0.0,
}


class Clock:
    """Seconds of the processor that an alternative has taken, without those of looking at it."""

    def __init__(self, already: float = 0.0) -> None:
        self._before, self._began = already, time.process_time()

    @property
    def spent(self) -> float:
        return self._before + time.process_time() - self._began

    @contextmanager
    def paused(self) -> Iterator[None]:
        spent = self.spent
        try:
            yield
        finally:
            self._before, self._began = spent, time.process_time()


@dataclass
class Followed:
    """A training that is over: its curve, and the weights and the mark at each kind of stop."""

    curve: list[Mark] = field(default_factory=list)
    kept: dict[str, tuple[Mark, Weights]] = field(default_factory=dict)


def train(
    what: Trainable,
    source: StepSource,
    rate: float,
    clock: Clock,
    bench: Bench,
    page: Page,
    stops: Sequence[str],
    objective: Objective = all_tokens,
) -> Followed:
    """Train until the time is over; keep the weights of the best look by each kind of stop."""
    optimizer = OptimizerSpec(rate, warmup=WARMUP, clip=CLIP)
    trainer = Trainer(what, source, optimizer, ENDLESS, objective=objective)
    with clock.paused():
        part = page.retention[:: max(1, len(page.retention) // CURVE_BLOCKS)][:CURVE_BLOCKS]
        drift = Replay.read(what.state.model, part)
    followed = Followed()
    while not followed.curve or clock.spent < bench.seconds:
        trainer.step()
        done, spent = trainer.progress.done, clock.spent
        if done % CHECK_EVERY and spent < bench.seconds:
            continue
        with clock.paused():
            mark = _look(what.state, page, drift, done, spent)
            followed.curve.append(mark)
            for stop in stops:
                best = followed.kept.get(stop)
                if best is None or STOPS[stop](mark) > STOPS[stop](best[0]):
                    copy = {name: weight.detach().clone() for name, weight in what.weights.items()}
                    followed.kept[stop] = (mark, copy)
    return followed


def _look(state: State, page: Page, drift: Replay, done: int, seconds: float) -> Mark:
    anchors, scored = page.baseline.anchors, page.baseline.scored
    by_kind = imprint_by_kind(scored, score(state, scored.probes))
    return Mark(
        steps=done,
        seconds=seconds,
        imprint={kind: estimate.value for kind, estimate in by_kind.items()},
        anchor=imprint(anchors.before, anchors.openbook, score(state, anchors.probes)).value,
        drift=drift.drift(state),
    )


def trained_lora(
    source: StepSource,
    rate: float,
    clock: Clock,
    bench: Bench,
    page: Page,
    stops: Sequence[str],
    settings: Mapping[str, object],
    objective: Objective = all_tokens,
) -> Iterator[Ready]:
    """Train a fresh LoRA and yield it at each kind of stop, on the model that is measured."""
    with lora.fresh(bench.trained, ADAPTER, LORA):
        what = TrainedAdapter(bench.trained, ADAPTER)
        followed = train(what, source, rate, clock, bench, page, stops, objective)
    for stop, (mark, weights) in followed.kept.items():
        with lora.fresh(bench.exact, ADAPTER, LORA) as state:
            put(lora.weights(bench.exact, ADAPTER), weights)
            yield Ready(
                state,
                seconds=mark.seconds,
                stop=stop,
                steps=mark.steps,
                lasts=True,
                settings={"rate": rate, "rank": LORA.rank, **settings},
                curve=tuple(followed.curve),
            )


@torch.no_grad()
def put(weights: Mapping[str, torch.nn.Parameter], values: Mapping[str, Tensor]) -> None:
    """Give weights the values that were kept under the same names."""
    for name, weight in weights.items():
        weight.copy_(values[name])
