"""Neighbour facts whose answer should not change."""

from collections.abc import Sequence

from litho.core import stats
from litho.core.stats import Estimate
from litho.measure.printing.probes import target_of
from litho.model.loaded import LanguageModel
from litho.model.read.scoring import greedy
from litho.text.items import Probe


def greedy_answers(model: LanguageModel, neighbours: Sequence[Probe]) -> list[list[int]]:
    """The model's own answer to each neighbour fact, as long as the expected one."""
    known = [target_of(model, probe) for probe in neighbours]
    return greedy(model, [t.ids[: t.first] for t in known], [len(t.ids) - t.first for t in known])


def locality(before: Sequence[list[int]], after: Sequence[list[int]]) -> Estimate:
    """Share of neighbour facts whose greedy answer is unchanged, 0 to 1."""
    return stats.mean([float(b == a) for b, a in zip(before, after, strict=True)])
