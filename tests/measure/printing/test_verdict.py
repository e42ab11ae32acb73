"""Verdicts."""

import pytest

from litho.core.stats import Estimate
from litho.measure.printing.verdict import judge


def estimate(value: float | None, low: float = 0.5) -> Estimate:
    return Estimate(value=value, ci=None if value is None else (low, 1.0), n=5)


@pytest.mark.parametrize(
    ("mem", "gen", "low", "hard", "drift", "control", "verdict"),
    [
        (0.9, 0.9, 0.6, 0.8, 0.01, True, "printed"),
        (0.9, 0.9, 0.6, None, 0.01, True, "printed"),
        (0.9, 0.9, 0.6, 0.8, 0.01, False, "unproven"),
        (0.9, None, 0.6, 0.8, 0.01, True, "unproven"),
        (0.9, 0.3, 0.2, 0.8, 0.01, True, "memorised"),
        (0.9, 0.9, 0.1, 0.8, 0.01, True, "memorised"),
        (0.9, 0.9, 0.6, 0.1, 0.01, True, "memorised"),
        (0.2, 0.3, 0.2, 0.1, 0.01, True, "not printed"),
        (0.9, 0.9, 0.6, 0.8, 0.02, True, "not printed"),
    ],
)
def test_verdicts(
    mem: float,
    gen: float | None,
    low: float,
    hard: float | None,
    drift: float,
    control: bool,
    verdict: str,
) -> None:
    own = {"mem": estimate(mem), "gen": estimate(gen, low), "hard": estimate(hard)}
    other = (own, estimate(0.5)) if control else None
    found = judge(own, estimate(drift), 0.015, other)
    assert found.verdict == verdict
    assert all(reason.endswith(".") for reason in found.reasons)
