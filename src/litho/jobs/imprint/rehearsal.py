"""Choosing a rhythm by measurement: a short training in each, from the same beginning."""

from collections.abc import Callable
from typing import Any

from litho.core.reporter import Reporter
from litho.jobs.imprint.monitor import ArmMonitor
from litho.learn.drift import Replay
from litho.learn.loop import ArmLoop, TrainedArm
from litho.learn.records import LoopConfig
from litho.model.adapters import lora
from litho.model.loaded import LanguageModel
from litho.present.rhythm import RHYTHMS, spaced

TRIED, SETTLE = 12, 4  # presentations in each rhythm, and in how many of them the rate falls


def rehearse(
    model: LanguageModel,
    arm_in: Callable[[str, int], TrainedArm],
    replay: Replay,
    monitor: ArmMonitor,
    config: LoopConfig,
    reporter: Reporter,
) -> dict[str, Any]:
    """The rhythm whose anchor is highest after a few presentations, and the anchor of each.

    `arm_in` makes the arm that is trained in a rhythm, for a number of presentations. Where no
    anchor can be measured, `spaced`.
    """
    reporter.stage("trying rhythms", len(RHYTHMS) * TRIED)
    short = config.model_copy(update={"presentations": TRIED, "settle": SETTLE})
    anchors: dict[str, float | None] = {}
    for number, name in enumerate(RHYTHMS):
        with lora.restored(model):
            loop = ArmLoop(model, arm_in(name, TRIED), short)
            while loop.progress.done < TRIED:
                loop.present(replay)
                reporter.advance(number * TRIED + loop.progress.done)
            anchors[name] = monitor.check(loop.state, TRIED).anchor
    known = {name: anchor for name, anchor in anchors.items() if anchor is not None}
    chosen = max(known, key=known.__getitem__, default=spaced.__name__)
    return {"chosen": chosen, "anchors": anchors}
