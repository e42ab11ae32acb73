"""What predictions come to: the table of effects, harm, repetition, what to keep."""

from collections.abc import Sequence

import numpy as np

from litho.jobs.ensemble.agreement import leaks_of
from litho.jobs.ensemble.result import leak_sentence
from litho.jobs.predict.advice import harmful, opposed, redundant, suggested
from litho.jobs.predict.calibration import Calibration
from litho.jobs.predict.method import Method
from litho.jobs.predict.predictor import Prediction
from litho.jobs.predict.result import PredictedEffect, PredictionCost, PredictResult, Reach
from litho.text.items import NamedText, Question


def summary(
    run: str,
    texts: Sequence[NamedText],
    questions: Sequence[Question],
    method: Method,
    prediction: Prediction,
    known: Sequence[Calibration],
) -> PredictResult:
    """The result of a prediction; `known`: calibrations for this model and these probes."""
    names, asked = [text.id for text in texts], [question.id for question in questions]
    effects_TQ, half_TQ = prediction.effects_TQ, prediction.half_TQ
    shown_TQ = np.zeros(effects_TQ.shape, dtype=bool)  # where an effect is beyond its interval
    if half_TQ is not None:
        shown_TQ = prediction.trusted_TQ & (np.abs(effects_TQ) > half_TQ)
    repeated = redundant(names, prediction.cosines_TT)
    leaks = leaks_of(texts, questions)
    leaked = leak_sentence(leaks)
    calibration = prediction.calibration
    return PredictResult(
        run=run,
        effects=tuple(predicted_effects(texts, questions, prediction)),
        method=method,
        harmful=tuple(harmful(names, asked, effects_TQ, shown_TQ & (effects_TQ < 0))),
        opposed=tuple(opposed(names, asked, effects_TQ, shown_TQ)),
        redundant=tuple(repeated),
        suggested=tuple(suggested(names, effects_TQ, repeated)),
        leaks=leaks,
        calibration=calibration.summary() if calibration else None,
        notices=(*prediction.notices, *([leaked] if leaked else [])),
        cost=PredictionCost(seconds=prediction.seconds, run_it_seconds=prediction.run_it_seconds),
        reach=tuple(map(_reach, known)),
    )


def _reach(calibration: Calibration) -> Reach:
    return Reach(
        method=calibration.method,
        steps=calibration.steps,
        probes="these" if calibration.questions else "any",
        runs=calibration.runs,
        agreement=calibration.agreement,
        r2=calibration.r2,
        holds=calibration.holds,
    )


def predicted_effects(
    texts: Sequence[NamedText], questions: Sequence[Question], prediction: Prediction
) -> list[PredictedEffect]:
    """The table, text by text and probe by probe."""
    return [
        _effect(prediction, t, q, text.id, question.id)
        for t, text in enumerate(texts)
        for q, question in enumerate(questions)
    ]


def _effect(prediction: Prediction, t: int, q: int, text: str, probe: str) -> PredictedEffect:
    delta = float(prediction.effects_TQ[t, q])
    half = None if prediction.half_TQ is None else float(prediction.half_TQ[t, q])
    return PredictedEffect(
        text=text,
        probe=probe,
        delta=delta,
        total=delta * int(prediction.tokens_Q[q]),
        low=None if half is None else delta - half,
        high=None if half is None else delta + half,
        trusted=bool(prediction.trusted_TQ[t, q]),
    )
