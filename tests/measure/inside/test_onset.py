"""The first layer beyond chance."""

import numpy as np
import pytest

from litho.measure.inside.onset import onset


def nulls(count: int, layers: int, seed: int) -> list[list[float]]:
    return np.exp(np.random.default_rng(seed).normal(-3, 0.2, (count, layers))).tolist()


def test_onset_is_the_first_layer_beyond_chance() -> None:
    effects = nulls(1, 30, seed=1)[0]
    effects[12], effects[20] = 0.4, 0.9
    found = onset(effects, nulls(16, 30, seed=2))
    assert found.layer == 12 and found.p < 0.01
    assert found.null_low[12] < 0.05 < found.null_high[12] < 0.4
    silent = onset([0.0] * 30, nulls(16, 30, seed=2))
    assert silent.layer is None and silent.p == 1.0
    with pytest.raises(ValueError, match="too few"):
        onset(effects, nulls(2, 30, seed=2))


def test_blocks_that_the_null_does_not_reach() -> None:
    null = nulls(16, 4, seed=2)
    for each in null:
        each[1] = each[2] = 0.0
    found = onset([0.05, 0.0, 1e-6, 0.05], null)
    assert found.p_by_layer[1] == 1.0 and found.p_by_layer[2] == 0.0 and found.layer == 2
    assert found.null_low[1] == found.null_high[1] == 0.0 < found.null_low[0]
    assert all(np.isfinite(found.p_by_layer))


def test_onset_of_chance_is_reported_at_no_more_than_its_level() -> None:
    hits = [onset(nulls(1, 30, 1000 + i)[0], nulls(16, 30, 5000 + i)).layer for i in range(400)]
    assert sum(layer is not None for layer in hits) <= 12  # 1 % of 400 are 4
