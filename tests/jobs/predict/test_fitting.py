"""Ridge regression, and questions that help each other."""

import dataclasses

import numpy as np

from litho.jobs.predict.fitting import RIDGE, fit, ridge


def test_ridge_regression_between_texts_is_that_between_inputs() -> None:
    chance = np.random.default_rng(0)
    inputs_TE, outputs_TQ = chance.normal(size=(20, 50)), chance.normal(size=(20, 4))
    inner_EE = inputs_TE.T @ inputs_TE
    regular_EE = inner_EE + RIDGE * np.trace(inner_EE) / 20 * np.eye(50)
    expected_EQ = np.linalg.solve(regular_EE, inputs_TE.T @ outputs_TQ)
    assert np.allclose(ridge(inputs_TE, outputs_TQ), expected_EQ)
    assert not ridge(np.zeros((20, 50)), outputs_TQ).any()


def test_what_is_said_of_one_question_helps_with_others() -> None:
    chance = np.random.default_rng(0)
    measured_TQ = chance.normal(size=(90, 3)) @ chance.normal(size=(3, 40))
    estimates_TQF = (measured_TQ + chance.normal(0, 2, (90, 40)))[..., None]
    found = fit(estimates_TQF[:60], measured_TQ[:60], own=True)
    assert found.ridge_EQ is not None
    alone = dataclasses.replace(found, ridge_EQ=np.zeros_like(found.ridge_EQ))
    errors = [
        np.square(each.predict(estimates_TQF[60:]) - measured_TQ[60:]).mean()
        for each in (found, alone)
    ]
    assert errors[0] < 0.8 * errors[1]
