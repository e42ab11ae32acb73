"""What is measured on an arm while it is trained."""

import random

from litho.jobs.imprint.baseline import Baseline
from litho.learn.drift import Replay
from litho.learn.records import Check
from litho.measure.printing.imprint import imprint, imprint_by_kind
from litho.measure.printing.probes import score
from litho.model.state import State

WATCHED = 60  # probes of several pages that are scored on the way


class ArmMonitor:
    """Scores probes and drift on the training copy of the model.

    The curves come from this copy (its own precision); the numbers of the verdict are measured
    again in float32 when the arm is done.
    """

    def __init__(self, baseline: Baseline, unseen: Replay, retention: Replay) -> None:
        self._anchors = baseline.anchors
        self._scored = baseline.scored.part(_some(baseline))
        self.unseen = unseen
        self._retention = retention

    def check(self, state: State, presentations: int) -> Check:
        anchors, scored = self._anchors, self._scored
        anchor = imprint(anchors.before, anchors.openbook, score(state, anchors.probes))
        by_kind = imprint_by_kind(scored, score(state, scored.probes))
        return Check(
            presentations=presentations,
            anchor=anchor.value,
            anchor_interval=anchor.ci,
            imprint={kind: estimate.value for kind, estimate in by_kind.items()},
            drift_self=self.unseen.drift(state),
            drift_retention=self._retention.drift(state),
        )


def _some(baseline: Baseline) -> list[int]:
    """The probes of the printed pages; of several pages not all, so that a check stays short."""
    places = baseline.asked()
    if not baseline.page_of or len(places) <= WATCHED:
        return places
    return sorted(random.Random("watched").sample(places, WATCHED))
