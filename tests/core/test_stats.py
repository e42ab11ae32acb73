"""Estimates and their intervals."""

import numpy as np
import pytest

from litho.core import stats


def test_mean_and_interval_of_normal_draws() -> None:
    draws = np.random.default_rng(1).normal(3.0, 1.0, 400).tolist()
    found = stats.mean(draws)
    assert found.ci
    assert found.value == pytest.approx(np.mean(draws))
    # Against the normal approximation of the standard error.
    half = 1.96 * np.std(draws) / 20
    assert found.ci == pytest.approx((found.value - half, found.value + half), abs=0.02)


def test_ratio_is_a_ratio_of_sums_not_a_mean_of_ratios() -> None:
    assert stats.ratio([1.0, 9.0], [10.0, 10.0]).value == 0.5
    assert stats.ratio([1.0, 9.0], [1.0, 100.0]).value == pytest.approx(10 / 101)


def test_interval_does_not_depend_on_when_it_is_asked() -> None:
    values = [0.1, 0.5, 0.9, 0.4]
    assert stats.mean(values) == stats.mean(values)


def test_too_little_to_say() -> None:
    assert stats.mean([]).value is None
    assert stats.mean([2.0]).ci is None
    with pytest.raises(ValueError, match="1 numerators but 2"):
        stats.ratio([1.0], [1.0, 2.0])
