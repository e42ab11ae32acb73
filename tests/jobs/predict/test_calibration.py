"""Calibrations: weights, intervals, coverage of unseen texts."""

import json
from pathlib import Path

import numpy as np
import pytest

from litho.jobs.predict.calibration import FORMAT, calibrate, conformal_quantile
from litho.jobs.predict.first_order import bends
from litho.jobs.predict.reach import read_calibrations, shipped_calibrations
from litho.jobs.predict.result import COVERAGE


def test_calibrations_that_come_with_litho_weigh_what_is_estimated() -> None:
    assert {found.method for found in shipped_calibrations()} == {"first-order", "short-run"}
    for found in shipped_calibrations():
        estimates = 1 if found.method == "short-run" else 2 + bends(int(str(found.recipe["steps"])))
        assert len(found.weights) == estimates + 1


def test_calibrations_of_an_earlier_format_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "calibration.json"
    today = shipped_calibrations()[0]
    entries = [today.model_dump(mode="json"), {"price": "careful"}, {"format": FORMAT - 1}]
    path.write_text(json.dumps(entries))
    assert read_calibrations(path) == [today]


def test_a_calibration_finds_weights_and_its_intervals_cover_unseen_texts() -> None:
    chance = np.random.default_rng(0)
    estimates_TQF = chance.normal(size=(120, 40, 2))
    true_TQ = estimates_TQF @ [2.0, -0.5] + 0.3
    measured_TQ = true_TQ + chance.standard_t(4, true_TQ.shape) * (0.1 + 0.2 * np.abs(true_TQ))
    found = calibrate("first-order", "", {}, None, "float32", estimates_TQF[:60], measured_TQ[:60])
    assert np.allclose(found.weights, [2.0, -0.5, 0.3], atol=0.05)
    predicted_TQ, half_TQ = found.predict(estimates_TQF[60:])
    covered = (np.abs(measured_TQ[60:] - predicted_TQ) <= half_TQ).mean()
    assert abs(covered - COVERAGE) < 0.03
    small = np.abs(predicted_TQ) < 0.3
    assert half_TQ[small].mean() < half_TQ[~small].mean()


def test_a_calibration_for_its_own_questions_knows_their_usual_effects() -> None:
    chance = np.random.default_rng(0)
    estimates_TQF = chance.normal(size=(90, 40, 1))
    usual_Q = chance.normal(size=40)
    measured_TQ = estimates_TQF[..., 0] + usual_Q + chance.normal(0, 0.1, (90, 40))
    for questions, agreement, error in ((None, 0.8, 1.0), ("hash", 0.98, 0.12)):
        found = calibrate(
            "first-order", "", {}, questions, "float32", estimates_TQF[:60], measured_TQ[:60]
        )
        assert found.agreement.value is not None and abs(found.agreement.value - agreement) < 0.15
        predicted_TQ, half_TQ = found.predict(estimates_TQF[60:])
        errors_TQ = np.abs(predicted_TQ - measured_TQ[60:])
        assert np.sqrt(np.square(errors_TQ).mean()) == pytest.approx(error, rel=0.3)
        assert abs((errors_TQ <= half_TQ).mean() - COVERAGE) < 0.04


def test_the_quantile_is_the_smallest_score_that_bounds_enough() -> None:
    chance = np.random.default_rng(0)
    for count in (3, 9, 10, 19, 20, 72, 999):
        scores = chance.random(count)
        found = conformal_quantile(scores)
        # One more score, exchangeable with these, is as likely in any place among them.
        bounded = (scores <= found).sum() / (count + 1)
        assert found in scores and (bounded >= COVERAGE or found == scores.max())
        fewer = (scores < found).sum() / (count + 1)
        assert fewer < COVERAGE
