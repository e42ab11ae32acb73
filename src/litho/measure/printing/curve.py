"""What a control paid where it knew as much: its drift at a given imprint; no torch."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

from litho.core.records import Record

Found = Literal["read off", "upper bound", "never"]


class SameImprint(Record):
    """The drift along a training where its imprint on rewordings was `imprint`."""

    imprint: float
    found: Found  # `upper bound`: the first check was already past it; `never`: no check was
    drift: float | None  # nats per token; None: never
    between: tuple[float, float] | None = None  # drift at the checks beside it, lower first
    best: float | None  # the highest imprint along the training
    best_drift: float | None  # the drift there


def drift_at(curve: Sequence[tuple[float | None, float]], imprint: float) -> SameImprint:
    """Read the drift off a curve of (imprint, drift), one pair a check in their order.

    Between two checks both are taken as straight lines. A curve may cross the imprint several
    times; the place with the least drift counts, also a check that lies above the imprint: whoever
    trains so could stop there. Nothing is read off between the start and the first check, over
    which the learning rate rises.
    """
    known = [(height, drift) for height, drift in curve if height is not None]
    if not known:
        return SameImprint(imprint=imprint, found="never", drift=None, best=None, best_drift=None)
    best, best_drift = max(known, key=lambda point: (point[0], -point[1]))
    places = [(drift, drift, drift) for height, drift in known if height >= imprint]
    for (low, first), (high, second) in pairwise(known):
        if min(low, high) < imprint < max(low, high):
            drift = first + (second - first) * (imprint - low) / (high - low)
            places.append((drift, min(first, second), max(first, second)))
    if not places:
        return SameImprint(
            imprint=imprint, found="never", drift=None, best=best, best_drift=best_drift
        )
    drift, least, most = min(places)
    height, at_first = known[0]
    bound = height > imprint and drift == at_first
    return SameImprint(
        imprint=imprint,
        found="upper bound" if bound else "read off",
        drift=drift,
        between=None if bound else (least, most),
        best=best,
        best_drift=best_drift,
    )
