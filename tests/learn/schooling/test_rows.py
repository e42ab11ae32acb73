"""Rows: every token is a target once, behind the one that comes before it in the order."""

from dataclasses import replace

import numpy as np
import pytest

from litho.learn.schooling.rows import NO_TARGET, PackedRows, Weights

SIZES = (5, 1, 9, 3, 7, 2)


def packed(length: int, order: tuple[int, ...] = (2, 0, 5, 1, 4, 3)) -> PackedRows:
    edges = np.concatenate(([0], np.cumsum(SIZES)))
    return PackedRows(
        tokens=np.arange(100, 100 + edges[-1], dtype="<u2"),
        edges_D1=edges,
        order_D=np.asarray(order),
        subjects_D=np.arange(len(SIZES)) % 3,
        end_id=7,
        length=length,
    )


@pytest.mark.parametrize("length", [1, 4, 6, 27, 40])
@pytest.mark.parametrize("rows_of_a_step", [1, 2, 5])
def test_every_token_is_a_target_once(length: int, rows_of_a_step: int) -> None:
    rows = packed(length)
    documents = [range(rows.edges_D1[d], rows.edges_D1[d + 1]) for d in rows.order_D]
    stream = [100 + place for document in documents for place in document]
    subjects = [
        d % 3 for d, document in zip(rows.order_D, documents, strict=True) for _ in document
    ]
    steps = rows.steps(rows_of_a_step * length)
    read, targets, told = [], [], []
    sizes = set()
    for step in range(steps):
        batch = rows.batch(step, steps)
        sizes.add(len(batch.ids_BT))
        assert batch.ids_BT.shape == batch.targets_BT.shape == batch.subjects_BT.shape
        known = batch.targets_BT != NO_TARGET
        read += batch.ids_BT[known].tolist()
        targets += batch.targets_BT[known].tolist()
        told += batch.subjects_BT[known].tolist()
    assert targets == stream and told == subjects
    assert read == [7, *stream[:-1]]
    assert max(sizes) <= rows_of_a_step and max(sizes) - min(sizes) <= 1


def test_weights_go_with_their_tokens_in_any_order() -> None:
    count = sum(SIZES)
    own = np.arange(count, dtype=np.float32)  # each token as much as its place
    rows = replace(packed(4), weights=Weights(np.arange(count), own))
    steps = rows.steps(8)
    for step in range(steps):
        batch = rows.batch(step, steps)
        assert batch.weights_BT is not None
        known = batch.targets_BT != NO_TARGET
        places = np.searchsorted(rows.tokens, batch.targets_BT[known].numpy())
        assert batch.weights_BT[known].tolist() == own[places].tolist()
        assert not batch.weights_BT[~known].any()
