"""Depth at which a chain is decided, from what pairs show layer by layer; no torch."""

from collections.abc import Callable, Mapping, Sequence
from statistics import fmean

from litho.core import stats
from litho.core.records import Record
from litho.core.stats import Estimate

FEWEST_FORMS, LEVEL = 3, 0.05
TURNED, SAID = 0.5, 0.5  # share of answers; kappa


class Depth(Record):
    """What one pair of contexts shows layer by layer, mean of both contexts."""

    routing: tuple[float | None, ...]  # L; None where attention cannot be watched
    flipped: tuple[float, ...]  # L
    said: tuple[float, ...]  # L + 1


class DepthCurves(Record):
    """A cell in one state, layer by layer; intervals over forms, then pairs."""

    routing: tuple[Estimate, ...]  # L; none where attention cannot be watched
    flipped: tuple[Estimate, ...]  # L
    said: tuple[Estimate, ...]  # L + 1


ByForm = Mapping[str, Sequence[Depth]]


def depth_curves(found: ByForm) -> DepthCurves:
    """Means of the pairs of each form."""

    def curve(values: Callable[[Depth], Sequence[float | None]]) -> tuple[Estimate, ...]:
        layers = max((len(values(depth)) for own in found.values() for depth in own), default=0)
        return tuple(
            stats.nested(
                [
                    [value for depth in own if (value := values(depth)[layer]) is not None]
                    for own in found.values()
                ]
            )
            for layer in range(layers)
        )

    return DepthCurves(
        routing=curve(lambda depth: depth.routing),
        flipped=curve(lambda depth: depth.flipped),
        said=curve(lambda depth: depth.said),
    )


def routing_layer(found: ByForm) -> int | None:
    """The first layer that looks at the rule that applies more than chance does.

    One-sided t-test of the means of the forms at p < 0.05, corrected for the number of layers
    (Bonferroni). None of fewer than three forms, or where there is no such layer.
    """
    from scipy.stats import ttest_1samp  # slow to import, and results are shown without it

    means = [
        [fmean(value) for value in zip(*(depth.routing for depth in own), strict=True)]
        for own in found.values()
        if all(None not in depth.routing and depth.routing for depth in own)
    ]
    if len(means) < FEWEST_FORMS:
        return None
    by_layer = list(zip(*means, strict=True))
    for layer, values in enumerate(by_layer):
        p = ttest_1samp(values, 0.0, alternative="greater").pvalue
        if p * len(by_layer) < LEVEL:
            return layer
    return None


def causal_layer(curves: DepthCurves) -> int | None:
    """The first layer at which exchanging the answer's place turns half of the answers."""
    return _first(curves.flipped, TURNED)


def verbal_layer(curves: DepthCurves) -> int | None:
    """Blocks behind which the right answer can be read out, by half of what is possible."""
    return _first(curves.said, SAID)


def _first(curve: Sequence[Estimate], least: float) -> int | None:
    reached = (i for i, each in enumerate(curve) if each.value is not None and each.value >= least)
    return next(reached, None)
