"""The drift at a given imprint, on curves drawn by hand."""

from itertools import pairwise

import pytest

from litho.measure.printing.curve import SameImprint, drift_at


def read(curve: list[tuple[float | None, float]], imprint: float) -> SameImprint:
    return drift_at(curve, imprint)


def test_between_two_checks_lies_a_straight_line() -> None:
    same = read([(0.2, 0.1), (0.6, 0.5), (0.9, 2.0)], 0.5)
    assert same.found == "read off" and same.between == (0.1, 0.5)
    assert same.drift == pytest.approx(0.4)
    assert (same.best, same.best_drift) == (0.9, 2.0)


def test_a_check_at_the_imprint_is_itself() -> None:
    same = read([(0.2, 0.1), (0.6, 0.5), (0.9, 2.0)], 0.6)
    assert (same.found, same.drift, same.between) == ("read off", 0.5, (0.5, 0.5))


def test_a_control_that_never_reached_it_says_how_far_it_came() -> None:
    same = read([(0.2, 0.1), (0.5, 0.5), (0.4, 0.7)], 0.6)
    assert (same.found, same.drift, same.between) == ("never", None, None)
    assert (same.best, same.best_drift) == (0.5, 0.5)


def test_a_control_that_was_past_it_at_once_has_an_upper_bound() -> None:
    same = read([(0.7, 0.3), (0.9, 1.0)], 0.5)
    assert (same.found, same.drift, same.between) == ("upper bound", 0.3, None)
    exactly = read([(0.5, 0.3), (0.9, 1.0)], 0.5)
    assert (exactly.found, exactly.drift) == ("read off", 0.3)


def test_of_several_crossings_the_cheapest_counts() -> None:
    # Up over 0.5 at a drift of 1.0, down again, up again at 0.6.
    curve: list[tuple[float | None, float]] = [(0.4, 0.8), (0.6, 1.2), (0.4, 0.4), (0.6, 0.8)]
    same = read(curve, 0.5)
    assert same.drift == pytest.approx(0.6) and same.between == (0.4, 0.8)


def test_a_later_check_above_it_may_be_cheaper() -> None:
    same = read([(0.4, 0.8), (0.6, 1.2), (0.7, 0.3)], 0.5)
    assert (same.found, same.drift, same.between) == ("read off", 0.3, (0.3, 0.3))
    same = read([(0.7, 0.5), (0.8, 0.2)], 0.5)  # past it at once, but cheaper later
    assert (same.found, same.drift) == ("read off", 0.2)


def test_the_lowest_point_of_a_dense_line_is_found() -> None:
    curve = [(0.1, 0.2), (0.55, 0.9), (0.3, 0.5), (0.8, 0.75), (0.45, 0.1)]
    dense = [
        (a + (c - a) * t / 9999, b + (d - b) * t / 9999)
        for (a, b), (c, d) in pairwise(curve)
        for t in range(10_000)
    ]
    expected = min(drift for height, drift in dense if height >= 0.5)
    assert read([*curve], 0.5).drift == pytest.approx(expected, abs=1e-3)


def test_checks_without_an_imprint_are_left_out() -> None:
    assert read([(None, 9.0), (0.2, 0.1), (None, 9.0), (0.6, 0.5)], 0.4).drift == pytest.approx(0.3)
    assert read([(None, 9.0)], 0.4).found == "never"
