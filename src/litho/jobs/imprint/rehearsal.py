"""Choosing a rhythm by measurement: a short training in each, from the same beginning."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from litho.core.reporter import Reporter
from litho.jobs.imprint.monitor import ArmMonitor
from litho.learn.records import LoopConfig
from litho.learn.trainer import Trainer
from litho.present.rhythm import RHYTHMS, spaced

TRIED, SETTLE = 12, 4  # presentations in each rhythm, and in how many of them the rate falls


def rehearse(
    trainer_in: Callable[[str, LoopConfig], AbstractContextManager[Trainer]],
    monitor: ArmMonitor,
    config: LoopConfig,
    reporter: Reporter,
) -> dict[str, Any]:
    """The rhythm whose anchor is highest after a few presentations, and the anchor of each.

    `trainer_in` makes a trainer of a fresh adapter for a rhythm. Where no anchor can be measured,
    `spaced`.
    """
    reporter.stage("trying rhythms", len(RHYTHMS) * TRIED)
    short = config.model_copy(update={"presentations": TRIED, "settle": SETTLE})
    anchors: dict[str, float | None] = {}
    for number, name in enumerate(RHYTHMS):
        with trainer_in(name, short) as trainer:
            while trainer.progress.done < TRIED:
                trainer.step()
                reporter.advance(number * TRIED + trainer.progress.done)
            anchors[name] = monitor.check(trainer.what.state, TRIED).anchor
    known = {name: anchor for name, anchor in anchors.items() if anchor is not None}
    chosen = max(known, key=known.__getitem__, default=spaced.__name__)
    return {"chosen": chosen, "anchors": anchors}
