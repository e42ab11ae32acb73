"""Calibrations: weights, intervals, coverage of unseen texts."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from litho.jobs.predict.calibration import FORMAT, calibrate, conformal_quantile
from litho.jobs.predict.first_order import bends
from litho.jobs.predict.measurements import Measurements, groups_of, question_groups_of
from litho.jobs.predict.reach import read_calibrations, shipped_calibrations
from litho.jobs.predict.result import COVERAGE
from litho.text.items import NamedText, Question
from tests.builders import alone


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
    runs = alone(estimates_TQF[:60], measured_TQ[:60])
    found = calibrate("first-order", "", {"steps": 8}, None, "float32", runs)
    assert found.coverage is None
    assert np.allclose(found.weights, [2.0, -0.5, 0.3], atol=0.05)
    predicted_TQ, half_TQ = found.predict(estimates_TQF[60:], np.ones(40))
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
        runs = alone(estimates_TQF[:60], measured_TQ[:60])
        found = calibrate("first-order", "", {"steps": 8}, questions, "float32", runs)
        assert found.agreement.value is not None and abs(found.agreement.value - agreement) < 0.15
        predicted_TQ, half_TQ = found.predict(estimates_TQF[60:], np.ones(40))
        errors_TQ = np.abs(predicted_TQ - measured_TQ[60:])
        assert np.sqrt(np.square(errors_TQ).mean()) == pytest.approx(error, rel=0.3)
        assert abs((errors_TQ <= half_TQ).mean() - COVERAGE) < 0.04


def test_the_quantile_is_the_smallest_score_that_bounds_enough() -> None:
    chance = np.random.default_rng(0)
    for count in (3, 9, 10, 19, 20, 72, 999):
        scores = chance.random(count)
        found = conformal_quantile(scores, np.full(count, 0.3))
        # One more score, exchangeable with these, is as likely in any place among them.
        bounded = (scores <= found).sum() / (count + 1)
        assert found in scores and (bounded >= COVERAGE or found == scores.max())
        fewer = (scores < found).sum() / (count + 1)
        assert fewer < COVERAGE


def test_weights_of_the_quantile_are_those_of_repeated_scores() -> None:
    chance = np.random.default_rng(0)
    scores, times = chance.random(40), chance.integers(1, 9, 40)
    # The correction for the one more score is of how many there are, so it is left out here.
    whole = np.sort(np.repeat(scores, times))
    weighted = conformal_quantile(np.repeat(scores, times), np.ones(times.sum()))
    assert weighted == whole[int(np.ceil(COVERAGE * (times.sum() + 1))) - 1]
    few = conformal_quantile(np.array([1.0, 2.0, 3.0]), np.array([1.0, 1.0, 98.0]))
    assert few == 3.0 and conformal_quantile(np.arange(99.0), np.r_[1e6, np.ones(98)]) == 0.0


def kinds(count: int, seed: int, alike: bool = True) -> Measurements:
    """Texts and questions of kinds, some of which are far harder to predict than others.

    Unless `alike`, there are more of what is easy.
    """
    chance = np.random.default_rng(seed)
    hard_texts, hard_questions = np.exp(chance.normal(0, 0.4, (2, count)))
    kinds_T, kinds_Q = (
        np.repeat(np.arange(count), np.full(count, 4) if alike else (2 / hard**3).astype(int) + 1)
        for hard in (hard_texts, hard_questions)
    )
    tokens_Q = chance.integers(1, 6, len(kinds_Q))
    estimates_TQF = chance.normal(size=(len(kinds_T), len(kinds_Q), 1))
    typical_TQ = 0.2 * hard_texts[kinds_T, None] * hard_questions[kinds_Q] / np.sqrt(tokens_Q)
    effects_TQ = estimates_TQF[..., 0] + chance.normal(size=typical_TQ.shape) * typical_TQ
    names_T, names_Q = (list(map(str, kinds.tolist())) for kinds in (kinds_T, kinds_Q))
    return Measurements(estimates_TQF, effects_TQ, tokens_Q, names_T, names_Q)


def test_intervals_hold_in_kinds_that_were_not_seen() -> None:
    by_kind, by_text = list[float](), list[float]()
    for seed in range(16):
        here, elsewhere = kinds(16, seed, alike=False), kinds(16, 100 + seed)
        names = list(map(str, range(len(here.text_groups))))
        ungrouped = replace(here, text_groups=names, question_groups=[""] * len(here.tokens_Q))
        for runs, shares in ((here, by_kind), (ungrouped, by_text)):
            found = calibrate("first-order", "", {"steps": 8}, None, "float32", runs)
            predicted_TQ, half_TQ = found.predict(elsewhere.estimates_TQF, elsewhere.tokens_Q)
            held_TQ = np.abs(elsewhere.effects_TQ - predicted_TQ) <= half_TQ
            shares.append(float(held_TQ.mean()))
    assert np.mean(by_kind) == pytest.approx(COVERAGE, abs=0.03)
    assert np.mean(by_text) < COVERAGE - 0.04  # as if what is easy were all that will be asked


def test_coverage_is_said_by_kind() -> None:
    runs = kinds(16, 0)
    found = calibrate("first-order", "", {"steps": 8}, None, "float32", runs)
    assert found.coverage is not None
    assert found.coverage.texts.keys() == found.coverage.probes.keys() == set(runs.text_groups)
    assert min(found.coverage.texts.values()) < found.coverage.value
    assert found.coverage.value == pytest.approx(COVERAGE, abs=0.03)
    own = calibrate("first-order", "", {"steps": 8}, "hash", "float32", runs)
    assert own.coverage is not None and not own.coverage.probes


def test_a_kind_is_left_out_with_its_texts_and_its_questions() -> None:
    runs = kinds(4, 0)
    blocks = runs.blocks(own=False)
    assert len(blocks) == 16 and sum(block.size for block in blocks) == runs.effects_TQ.size
    estimates_TQF, effects_TQ = runs.without(blocks[1])
    rows = [i for i, name in enumerate(runs.text_groups) if name != blocks[1].texts]
    columns = [i for i, name in enumerate(runs.question_groups) if name != blocks[1].questions]
    assert (effects_TQ == runs.effects_TQ[np.ix_(rows, columns)]).all()
    assert estimates_TQF.shape == (*effects_TQ.shape, 1)
    # For its own questions a calibration knows them all.
    assert [block.columns_Q.all() for block in runs.blocks(own=True)] == [True] * 4


def test_what_has_no_group_is_alone() -> None:
    texts = [NamedText(id="a", text="x", group="a"), NamedText(id="a", text="y")]
    assert len(set(groups_of(texts))) == 2
    questions = [Question(id=str(i), prefix="x", target="y") for i in range(3)]
    assert set(question_groups_of(questions)) == {""}
    mixed = [questions[0].model_copy(update={"group": "k"}), *questions[1:]]
    assert len(set(question_groups_of(mixed))) == 3
