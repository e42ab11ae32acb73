"""Neighbour facts whose answer should not change."""

from collections.abc import Sequence

from litho.core import stats
from litho.core.stats import Estimate
from litho.measure.printing.probes import target_of
from litho.model.read.scoring import greedy
from litho.model.state import State
from litho.text.items import Probe


def greedy_answers(state: State, neighbours: Sequence[Probe]) -> list[list[int]]:
    """A state's own answer to each neighbour fact, as long as the expected one."""
    known = [target_of(state.model, probe) for probe in neighbours]
    counts = [len(t.ids) - t.first for t in known]
    with state.active() as model:
        return greedy(model, [t.ids[: t.first] for t in known], counts)


def locality(before: Sequence[list[int]], after: Sequence[list[int]]) -> Estimate:
    """Share of neighbour facts whose greedy answer is unchanged, 0 to 1."""
    return stats.mean([float(b == a) for b, a in zip(before, after, strict=True)])
