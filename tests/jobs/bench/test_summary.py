"""Means, paired differences, matched drift."""

import numpy as np
import pytest

from litho.jobs.bench.summary import drift_at, summarize
from tests.builders import trial


def test_differences_are_paired_and_costs_are_compared_at_the_same_imprint() -> None:
    texts = [("a", 0.5), ("b", 0.9), ("c", 0.7)]
    plan = [trial("plan", t, seed, gen, 0.004) for t, gen in texts for seed in (0, 1)]
    rival = [trial("duplicates", t, 0, gen - 0.1, 0.4) for t, gen in texts]
    found = {summary.arm: summary for summary in summarize([*plan, *rival]).root}
    more = found["duplicates"].more_imprint
    assert more.value == pytest.approx(-0.1) and more.ci == pytest.approx((-0.1, -0.1))
    assert found["plan"].more_drift.value == 0
    ratio, spill = found["duplicates"].drift_ratio, found["duplicates"].plan_spills_more
    assert ratio.at == spill.at == pytest.approx(0.6)
    # The plan is at 0.6 between 0.35 (drift 0.001) and 0.7 (0.004), the rival at its end.
    between = 0.001 * 4 ** ((0.6 - 0.35) / 0.35)
    assert ratio.found.value == pytest.approx(between / 0.4)
    linearly = 0.001 + (0.6 - 0.35) / 0.35 * 0.003
    assert spill.found.value == pytest.approx(linearly - 0.4)


def test_the_least_drift_at_a_level() -> None:
    curve = np.array([[0.2, 0.1], [0.8, 0.9], [0.7, 0.3]])
    assert drift_at(curve, 0.7) == pytest.approx(0.3)
    assert drift_at(curve, 0.2) == pytest.approx(0.1)
