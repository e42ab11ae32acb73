"""What is measured on an arm while it is trained."""

from litho.jobs.imprint.baseline import Baseline
from litho.learn.drift import Replay
from litho.learn.records import Check
from litho.measure.printing.imprint import imprint, imprint_by_kind
from litho.measure.printing.probes import score
from litho.model.state import State


class ArmMonitor:
    """Scores probes and drift on the training copy of the model.

    The curves come from this copy (its own precision); the numbers of the verdict are measured
    again in float32 when the arm is done.
    """

    def __init__(self, baseline: Baseline, unseen: Replay, retention: Replay) -> None:
        self._baseline = baseline
        self.unseen = unseen
        self._retention = retention

    def check(self, state: State, presentations: int) -> Check:
        anchors, scored = self._baseline.anchors, self._baseline.scored
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
