"""Spill: printed words that turn up in unrelated contexts."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from litho.core import stats
from litho.core.stats import Estimate
from litho.measure.printing.probes import target_of
from litho.model.read.scoring import logprobs_by_token
from litho.model.state import State
from litho.text.items import Probe


class Spilled(NamedTuple):
    """log P(target | unrelated prefix) in nats, averaged over the prefixes, of each target.

    `first` says whether a target comes up unasked; that the rest of a name follows its beginning is
    part of what was printed.
    """

    whole: list[float]  # per token of the target
    first: list[float]  # of its first token alone


def spill_scores(state: State, targets: Sequence[str], prefixes: Sequence[str]) -> Spilled:
    """How readily a state says the targets where they have no business."""
    if not targets:
        return Spilled([], [])
    whole, first = list[Tensor](), list[Tensor]()
    for prefix in prefixes:
        probes = [Probe(kind="neighbour", prefix=prefix, target=target) for target in targets]
        asked = [target_of(state.model, probe) for probe in probes]
        with state.active() as model:
            logps = logprobs_by_token(model, asked)
        whole.append(torch.stack([logp.mean() for logp in logps]))
        first.append(torch.stack([logp[0] for logp in logps]))
    return Spilled(*(torch.stack(scores).mean(dim=0).tolist() for scores in (whole, first)))


def spill(before: Sequence[float], after: Sequence[float]) -> Estimate:
    """Mean rise of log P(printed words) where they have no business (priming), nats per token."""
    return stats.mean([a - b for b, a in zip(before, after, strict=True)])
