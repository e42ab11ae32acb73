"""What is measured on an arm while it is trained."""

from collections.abc import Sequence

from litho.core.records import IMPRINT_KINDS, Estimate
from litho.measure.probes import imprint, score
from litho.model.loading import LanguageModel
from litho.train.baseline import Baseline, ScoredProbes
from litho.train.loop import Check, Replay


class ArmMonitor:
    """Scores probes and drift on the training copy of the model.

    The curves come from this copy (its own precision); the numbers of the verdict are measured
    again in float32 when the arm is done.
    """

    def __init__(
        self, model: LanguageModel, baseline: Baseline, unseen: Replay, retention: Replay
    ) -> None:
        self._model = model
        self._baseline = baseline
        self.unseen = unseen
        self._retention = retention

    def check(self, presentations: int) -> Check:
        anchors, scored = self._baseline.anchors, self._baseline.scored
        anchor = imprint(anchors.before, anchors.openbook, score(self._model, anchors.probes))
        by_kind = imprint_by_kind(scored, score(self._model, scored.probes))
        return Check(
            presentations=presentations,
            anchor=anchor.value,
            anchor_interval=anchor.ci,
            imprint={kind: estimate.value for kind, estimate in by_kind.items()},
            drift_self=self.unseen.drift(self._model),
            drift_retention=self._retention.drift(self._model),
        )


def imprint_by_kind(scored: ScoredProbes, after: Sequence[float]) -> dict[str, Estimate]:
    """I_mem, I_gen and I_hard."""
    found: dict[str, Estimate] = {}
    for kind in IMPRINT_KINDS:
        own = [i for i, probe in enumerate(scored.probes) if probe.kind == kind]
        found[kind] = imprint(
            [scored.before[i] for i in own],
            [scored.openbook[i] for i in own],
            [after[i] for i in own],
        )
    return found
