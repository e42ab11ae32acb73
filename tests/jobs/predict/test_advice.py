"""Advice: harm, repetition, what to keep."""

import numpy as np

from litho.jobs.predict.advice import harmful, opposed, redundant, suggested


def test_advice_names_harm_and_repetition_and_keeps_the_rest() -> None:
    effects_TQ = np.array([[0.5, 0.1], [0.4, 0.1], [-0.9, 0.2], [0.0, 0.05]])
    half_TQ = np.full((4, 2), 0.3)
    names, asked = ["a", "b", "c", "d"], ["p", "q"]
    (harm,) = harmful(names, asked, effects_TQ, effects_TQ + half_TQ < 0)
    assert (harm.text, harm.probes, harm.delta) == ("c", ["p"], -0.9)
    (pull,) = opposed(names, asked, effects_TQ, np.abs(effects_TQ) > half_TQ)
    assert (pull.probe, pull.raised_by, pull.lowered_by) == ("p", "a", "c")
    cosines_TT = np.eye(4)
    cosines_TT[0, 1] = cosines_TT[1, 0] = 0.25
    (pair,) = redundant(names, cosines_TT)
    assert pair.texts == ("a", "b") and pair.cosine == 0.25
    assert suggested(names, effects_TQ, [pair]) == ["a", "d"]


def test_repetition_is_what_is_more_alike_than_the_others_are() -> None:
    names = [str(i) for i in range(6)]
    cosines_TT = np.full((6, 6), 0.5)  # as on a model that moves the same way for every text
    cosines_TT[1, 4] = cosines_TT[4, 1] = 0.7
    (pair,) = redundant(names, cosines_TT)
    assert pair.texts == ("1", "4")
