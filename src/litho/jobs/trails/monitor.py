"""What is measured on trails while they are printed."""

import math
from collections.abc import Sequence
from statistics import fmean

from litho.jobs.trails.pairs import Planned
from litho.learn.drift import Replay
from litho.learn.records import Check
from litho.measure.trails.looking import pointers, preference
from litho.measure.trails.reading import scores
from litho.measure.trails.score import Score
from litho.model.state import State


class TrailMonitor:
    """Reads a few pairs of each cell, and the drift, on the training copy of the model."""

    def __init__(
        self, planned: Sequence[Planned], unseen: Replay, retention: Replay, from_step: int
    ) -> None:
        """`from_step`: learning is abrupt, so that before it standing still means nothing."""
        self.unseen = unseen
        self._planned, self._retention, self._from = planned, retention, from_step

    def check(self, state: State, presentations: int) -> Check:
        by_cell: dict[str, list[Score]] = {}
        found = scores(state, [each.asked for each in self._planned])
        for each, score in zip(self._planned, found, strict=True):
            by_cell.setdefault(each.cell, []).append(score)
        cells = {cell: fmean(score.d for score in own) for cell, own in by_cell.items()}
        if near := [s.near for s in by_cell.get("F", ()) if s.near is not None]:
            cells["N"] = fmean(near)
        steering = by_cell.get("W") or by_cell["F"]
        return Check(
            presentations=presentations,
            anchor=follows(steering) if presentations >= self._from else None,
            imprint={},
            drift_self=self.unseen.drift(state),
            drift_retention=self._retention.drift(state),
            cells=cells,
            attention=self._attention(state),
        )

    def _attention(self, state: State) -> float | None:
        """Behind the chains in held-out wordings, where there are any."""
        own = [p for p in self._planned if p.cell == "W"] or [
            p for p in self._planned if p.cell == "F"
        ]
        with state.active() as model:
            rows = [row for each in own for row in each.asked.rows[:2]]
            return preference(model, rows, [p for e in own for p in pointers(model, e.pair)])


def follows(found: Sequence[Score]) -> float:
    """How surely the right answer is preferred to the other: 0 not at all, 1 always.

    Mean of tanh(D / 2), which is 2 p - 1 for odds of exp(D).
    """
    return fmean(math.tanh(score.d / 2) for score in found)
