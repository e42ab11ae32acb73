"""The numbers of a response map: means over tokens."""

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from litho.core.stats import MeanAndMax
from litho.jobs.map.result import MapHead, MapLayer, MapResult

# Name of a map and that of its means in the result.
LAYER_STATISTICS = {
    "norm_LT": "norm",
    "change_LT": "relative_change",
    "cosine_LT": "cosine",
    "gradient_LT": "gradient",
}
# Field of an `AttentionMap` and its name in the result.
HEAD_STATISTICS = {"entropy_HT": "entropy", "distance_HT": "distance", "first_HT": "first_token"}


def summary(
    run: str,
    rows: Sequence[Mapping[str, Any]],
    maps: Mapping[str, Tensor],
    attention: Mapping[str, Tensor],
    watched: Sequence[int],
    notices: Sequence[str],
) -> MapResult:
    """The result of a run from the rows of its tokens and its maps.

    `maps` are layer x token, `attention` watched layer x head x token, by the names above.
    """
    read = [row for row in rows if row["surprise"] is not None]
    return MapResult(
        run=run,
        tokens=len(rows),
        surprise=MeanAndMax.of([row["surprise"] for row in read]),
        entropy=MeanAndMax.of([row["entropy"] for row in read]),
        top1=sum(row["rank"] == 1 for row in read) / len(read),
        layers=_layers(maps),
        heads=_heads(attention, watched),
        notices=tuple(notices),
    )


def _layers(maps: Mapping[str, Tensor]) -> tuple[MapLayer, ...]:
    means = {LAYER_STATISTICS[key]: tensor.mean(dim=1).tolist() for key, tensor in maps.items()}
    return tuple(
        MapLayer(layer=i, **{name: mean_L[i] for name, mean_L in means.items()})
        for i in range(len(means["norm"]))
    )


def _heads(attention: Mapping[str, Tensor], watched: Sequence[int]) -> tuple[MapHead, ...]:
    if not attention:
        return ()
    means = {HEAD_STATISTICS[key]: tensor.mean(-1).tolist() for key, tensor in attention.items()}
    return tuple(
        MapHead(layer=layer, head=head, **{name: mean[i][head] for name, mean in means.items()})
        for i, layer in enumerate(watched)
        for head in range(len(means["entropy"][i]))
    )
