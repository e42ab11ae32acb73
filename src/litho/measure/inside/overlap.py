"""Whether the same heads change on two texts, by more than any change of this size would make them.

The same weights act on every text, so that even a random update changes some heads more than
others wherever one looks. What two texts have in common is therefore judged against random updates.
"""

from collections.abc import Sequence

import numpy as np
import torch

from litho.measure.inside.effects import ComparedReadings
from litho.measure.inside.findings import Overlap
from litho.measure.inside.onset import band, prediction_p

SHARE = 0.1  # of the heads: those that change most


def common_heads(first: ComparedReadings, second: ComparedReadings) -> float | None:
    """Of the heads that change most on the first text, how many do so on the second, 0 to 1.

    None where attention cannot be watched or did not change.
    """
    here, there = _heads(first), _heads(second)
    if here is None or there is None or here.max() == 0 or there.max() == 0:
        return None
    count = places(len(here))
    here_strongest, there_strongest = (
        set(heads.topk(count).indices.tolist()) for heads in (here, there)
    )
    return len(here_strongest & there_strongest) / count


def places(heads: int) -> int:
    """How many heads are the most changed ones."""
    return max(1, round(SHARE * heads))


def judge_overlap(value: float, nulls: Sequence[float], heads: int) -> Overlap:
    """Judge a share by Student's t prediction distribution of that of random updates."""
    null_N1 = np.asarray(nulls, float)[:, None]
    low, high = band(null_N1)
    p = prediction_p(np.array([value]), null_N1)
    return Overlap(
        value=value, places=places(heads), null=(float(low[0]), float(high[0])), p=float(p[0])
    )


def _heads(c: ComparedReadings) -> torch.Tensor | None:
    """Mean divergence of every head, layers one after the other."""
    divergences = [
        heads.divergence_HT[:, c.before.opening :].mean(-1) for heads in c.heads.values()
    ]
    return torch.cat(divergences) if divergences else None
