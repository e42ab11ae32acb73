"""Edges of attention: what the tokens of a text look at most."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import torch

from litho.model.watch.attention import Strongest

PER_TOKEN = 8


class Edge(NamedTuple):
    """One head of one layer looks from one token of the text at another."""

    token: int
    source: int
    layer: int
    head: int
    share: float  # of the head's attention


def strongest_edges(layers: Mapping[int, Strongest], opening: int) -> Iterator[Edge]:
    """The `PER_TOKEN` strongest edges of every token of the text, over all heads and layers.

    Of each head only what it looks at most is considered; the first token of the sequence, on which
    most heads rest, is left out.
    """
    if not layers:
        return
    numbers = sorted(layers)
    share_LHT = torch.stack([layers[i].share_HT for i in numbers])[:, :, opening:]
    source_LHT = torch.stack([layers[i].source_HT for i in numbers])[:, :, opening:] - opening
    heads = share_LHT.shape[1]
    share_PT, source_PT = share_LHT.flatten(0, 1), source_LHT.flatten(0, 1)  # P places: all heads
    best = share_PT.topk(min(PER_TOKEN, len(share_PT)), dim=0)
    sources = source_PT.gather(0, best.indices)
    for token, (places, shares, looked_at) in enumerate(
        zip(best.indices.T.tolist(), best.values.T.tolist(), sources.T.tolist(), strict=True)
    ):
        for place, share, source in zip(places, shares, looked_at, strict=True):
            if source >= 0 and share > 0:
                yield Edge(
                    token=token,
                    source=source,
                    layer=numbers[place // heads],
                    head=place % heads,
                    share=share,
                )
