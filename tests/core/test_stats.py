"""Estimates and their intervals."""

from collections.abc import Callable

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


def by_hand(count: int, statistic: Callable[[np.ndarray], float], seed: int) -> tuple[float, float]:
    """The percentile bootstrap as the books write it."""
    chance = np.random.default_rng(seed)
    drawn = [statistic(chance.integers(count, size=count)) for _ in range(stats.RESAMPLES)]
    low, high = np.percentile(drawn, [2.5, 97.5])
    return float(low), float(high)


def test_any_statistic_of_units_against_a_loop() -> None:
    """The same seed draws the same resamples, another one moves the ends a little: here < 8 %."""
    values = np.random.default_rng(2).normal(size=(12, 5, 2))

    def greatest_of_means(units: np.ndarray) -> float:
        return float(values[units].mean(axis=0).max())

    found = stats.of_units(12, greatest_of_means, seed=0)
    low, high = by_hand(12, greatest_of_means, seed=1)
    assert found.value == greatest_of_means(np.arange(12)) and found.n == 12
    assert found.ci == pytest.approx((low, high), abs=0.08 * (high - low))
    assert found.ci == pytest.approx(by_hand(12, greatest_of_means, seed=0), rel=1e-9)


def test_resamples_in_parts_give_the_same_interval(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(4).normal(size=33).tolist()

    def estimates() -> list[stats.Estimate]:
        of_units = stats.of_units(33, lambda units: max(values[i] for i in units))
        return [stats.mean(values), stats.median(values), stats.ratio(values, [2.0] * 33), of_units]

    whole = estimates()
    monkeypatch.setattr(stats, "AT_ONCE", 100 * 33 + 5)
    assert estimates() == whole


def test_a_mean_of_units_is_the_mean() -> None:
    values = np.random.default_rng(3).normal(size=30)
    one, other = stats.of_units(30, lambda units: values[units].mean()), stats.mean(values.tolist())
    assert one.value == pytest.approx(other.value) and one.ci == pytest.approx(other.ci)


def test_too_few_units() -> None:
    assert stats.of_units(0, len) == stats.Estimate(value=None, ci=None, n=0)
    assert stats.of_units(1, len) == stats.Estimate(value=1.0, ci=None, n=1)


def test_a_crossed_table_against_draws_one_by_one() -> None:
    """Rows and columns drawn apart from each other, as the definition says it."""
    table = np.random.default_rng(3).normal(0.2, 1.0, (4, 7))
    found = stats.crossed(table.tolist())
    chance = np.random.default_rng(9)
    means = [
        table[np.ix_(chance.integers(4, size=4), chance.integers(7, size=7))].mean()
        for _ in range(4000)
    ]
    assert found.ci and found.n == 7
    assert found.value == pytest.approx(table.mean())
    assert found.ci == pytest.approx(tuple(np.percentile(means, [2.5, 97.5])), abs=0.06)
    assert stats.crossed([[1.0], [3.0]]) == stats.Estimate(value=2.0, ci=None, n=1)
    assert stats.crossed([[]]).value is None
    with pytest.raises(ValueError):
        stats.crossed([[1.0], [1.0, 2.0]])
