"""Spill: printed words that turn up in unrelated contexts."""

from collections.abc import Sequence

import torch

from litho.core import stats
from litho.core.stats import Estimate
from litho.measure.printing.probes import target_of
from litho.model.placement import HOST
from litho.model.read.scoring import Target, target_logprobs
from litho.model.state import State
from litho.text.items import Probe


def spill_scores(
    state: State, targets: Sequence[str], prefixes: Sequence[str], first: bool = False
) -> list[float]:
    """log P(target | unrelated prefix) per target token in nats, averaged over the prefixes.

    `first`: of the target's first token alone, which says whether it comes up unasked; that the
    rest of a name follows its beginning is part of what was printed.
    """
    scores = []
    for prefix in prefixes:
        probes = [Probe(kind="neighbour", prefix=prefix, target=target) for target in targets]
        asked = [target_of(state.model, probe) for probe in probes]
        if first:
            asked = [Target(t.ids[: t.first + 1], t.first) for t in asked]
        with state.active() as model:
            scores.append(target_logprobs(model, asked))
    return torch.tensor(scores, device=HOST).mean(dim=0).tolist()


def spill(before: Sequence[float], after: Sequence[float]) -> Estimate:
    """Mean rise of log P(printed words) where they have no business (priming), nats per token."""
    return stats.mean([a - b for b, a in zip(before, after, strict=True)])
