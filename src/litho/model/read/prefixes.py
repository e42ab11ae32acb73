"""Reading many sequences that begin alike: what they share is computed once.

Visiting sequences in lexicographic order walks the trie of their tokens depth first, so that a
single cache of keys and values, cut back to where the next sequence branches off, reuses all that
there is to share.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from litho.model.loaded import LanguageModel
from litho.model.read.caches import new_cache, reads_on
from litho.model.read.scoring import batches, common_length, logits, pad_rows

# Shapes: T tokens, V vocabulary.
WORTH_SHARING = 48  # common tokens below which rows are rather read side by side


class Read(NamedTuple):
    """One of several sequences, read."""

    row: int
    kept: int  # leading places that are the same as in the sequence yielded before
    logits_TV: Tensor  # overwritten by the next one


@torch.no_grad()
def read_rows(model: LanguageModel, rows: Sequence[Sequence[int]]) -> Iterator[Read]:
    """Logits of every row, in an order that shares beginnings; equal to a forward of each row.

    Good to about 1e-5 in float32: keys and values from a cache are summed in another order.
    """
    clusters = _clusters(model, rows)
    alone = [cluster for cluster in clusters if len(cluster) == 1]
    for group in batches([len(rows[cluster[0][0]]) for cluster in alone], model.device):
        ids_BT, _ = pad_rows(model, [rows[alone[g][0][0]] for g in group])
        for g, logits_TV in zip(group, logits(model, ids_BT), strict=True):
            yield from _riders(rows, alone[g][0], logits_TV, 0)
    for cluster in clusters:
        if len(cluster) > 1:
            yield from _along(model, rows, cluster)


# The indices of a row and of those that are beginnings of it, which cost nothing.
Family = list[int]


def _clusters(model: LanguageModel, rows: Sequence[Sequence[int]]) -> list[list[Family]]:
    """Families that share enough with the one before to be read one after the other."""
    clusters: list[list[Family]] = []
    for index in sorted(range(len(rows)), key=lambda i: tuple(rows[i]), reverse=True):
        before = rows[clusters[-1][-1][0]] if clusters else ()
        shared = common_length(before, rows[index])
        if clusters and shared == len(rows[index]):
            clusters[-1][-1].append(index)
        elif shared >= WORTH_SHARING and reads_on(model):
            clusters[-1].append([index])
        else:
            clusters.append([[index]])
    return clusters


def _along(
    model: LanguageModel, rows: Sequence[Sequence[int]], families: Sequence[Family]
) -> Iterator[Read]:
    cache, path = new_cache(), list[int]()
    room_TV: Tensor | None = None
    for family in families:
        row = list(rows[family[0]])
        kept = common_length(path, row)
        if kept < len(path):
            cache.crop(kept - len(path))
        new_TV = logits(model, torch.tensor([row[kept:]], device=model.device), past=cache)[0]
        if room_TV is None:
            longest = max(len(rows[f[0]]) for f in families)
            room_TV = new_TV.new_empty(longest, new_TV.shape[-1])
        room_TV[kept : len(row)] = new_TV
        path = row
        yield from _riders(rows, family, room_TV, kept)


def _riders(
    rows: Sequence[Sequence[int]], family: Family, logits_TV: Tensor, kept: int
) -> Iterator[Read]:
    for index in family:
        length = len(rows[index])
        yield Read(index, min(kept, length), logits_TV[:length])
        kept = length  # the beginnings come in the order of falling length
