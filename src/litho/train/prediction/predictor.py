"""Predictions of every text's effect on every question, at one of two prices."""

import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path

import numpy as np
import torch

from litho.core.errors import LithoError
from litho.core.ledger import SharedLedger
from litho.measure.probes import score, target_of
from litho.model.loading import LanguageModel, ModelSource, load
from litho.model.scoring import Target
from litho.text.collections import NamedText, Question
from litho.train.cost import Cost, ensemble_cost
from litho.train.job import Reporter
from litho.train.prediction.calibration import Calibration, Price, calibrate
from litho.train.prediction.coarse import coarse_run, coarse_specification, strides
from litho.train.prediction.first_order import FirstOrder, first_order
from litho.train.recipe import Recipe

# Shapes: T texts, Q questions, F estimates of each effect, N coarse runs.
CLEAR = 10  # times the rounding that effects must be, for bfloat16 to do
SAMPLE = 5  # texts, at least, whose coarse runs stand for all others where the price is cheap


@dataclass(frozen=True)
class Prediction:
    """Effects T x Q in nats per target token, with half widths of intervals if calibrated."""

    effects_TQ: np.ndarray
    half_TQ: np.ndarray | None
    trusted_TQ: np.ndarray
    cosines_TT: np.ndarray  # how alike the first steps of the texts are
    calibration: Calibration | None
    notices: list[str]
    cpu_seconds: float
    run_it_seconds: float  # that training on all texts and asking all questions would take


@dataclass
class Predictor:
    """Texts and questions for one model and recipe, in a folder that keeps what was worked out."""

    source: ModelSource
    recipe: Recipe
    texts: Sequence[NamedText]
    questions: Sequence[Question]
    folder: Path
    reporter: Reporter
    _ledger: SharedLedger = field(init=False)

    def __post_init__(self) -> None:
        self._ledger = SharedLedger(self.folder)

    def predict(self, price: Price, calibrations: Sequence[Calibration]) -> Prediction:
        """Predict with the calibration of this price, model and recipe, if it is among these.

        Without one: the first-order effects, or what the coarse runs did.
        """
        began = time.process_time()
        wanted = (price, self.source.sha256(), without_seed(self.recipe))
        fitting = [c for c in calibrations if (c.price, c.model, c.recipe) == wanted]
        chosen = fitting[0] if fitting else None
        runs = self._sample(price) if chosen or price == "careful" else []
        run_it = self._run_it().seconds
        self.reporter.stage(f"predicting ({self._expected(len(runs)).described()})")
        first = self._first_order()
        coarse_NQ = self._coarse(runs, first) if runs else first.effects_TQ
        if chosen:
            effects_TQ, half_TQ = chosen.predict(_columns(first, coarse_NQ, price))
            trusted_TQ = (np.abs(effects_TQ) <= chosen.largest) & chosen.holds
            notices = _notices(chosen, run_it)
        else:
            effects_TQ, half_TQ = coarse_NQ, None
            trusted_TQ = np.zeros(effects_TQ.shape, dtype=bool)
            notices = [
                f"no calibration for this model, recipe and price ({price}): estimates without "
                "intervals, and none is trusted; 'litho calibrate' makes one"
            ]
        return Prediction(
            effects_TQ,
            half_TQ,
            trusted_TQ,
            first.cosines_TT,
            chosen,
            notices,
            time.process_time() - began,
            run_it,
        )

    def calibrated(self, price: Price, measured_TQ: np.ndarray) -> Calibration:
        """Fit the estimates of these texts to what they were measured to do.

        Raises LithoError if they are too few.
        """
        first = self._first_order()
        estimates_TQF = _columns(first, self._coarse(self._sample(price), first), price)
        model, recipe = self.source.sha256(), without_seed(self.recipe)
        try:
            return calibrate(price, model, recipe, estimates_TQF, measured_TQ)
        except ValueError as error:
            raise LithoError(f"nothing can be calibrated on {error}") from None

    @cached_property
    def _model(self) -> LanguageModel:
        return load(self.source, torch.float32)

    def _sample(self, price: Price) -> Sequence[NamedText]:
        """The texts of which coarse runs are made."""
        return self.texts[:: max(1, len(self.texts) // SAMPLE) if price == "cheap" else 1]

    def _run_it(self) -> Cost:
        """Time and memory of training on all texts and asking all questions."""
        count = len(self.texts)
        return ensemble_cost(
            self._model, self.recipe.steps * self._tokens, count * self._asked, count
        )

    def _expected(self, runs: int) -> Cost:
        """Time and memory of a prediction with so many coarse runs."""
        steps = 1 + len(strides(self.recipe.steps)) * runs / len(self.texts)
        return ensemble_cost(
            self._model, int(steps * self._tokens) + self._asked, runs * self._asked, runs
        )

    @cached_property
    def _tokens(self) -> int:
        return sum(len(self._model.encode(text.text)) for text in self.texts)

    @cached_property
    def _asked(self) -> int:
        return sum(len(target_of(self._model, question).ids) for question in self.questions)

    def _first_order(self) -> FirstOrder:
        model = self._model
        texts = [Target(tuple(model.encode(text.text)), 1) for text in self.texts]
        for text, target in zip(self.texts, texts, strict=True):
            if not 1 < len(target.ids) <= model.context:
                raise LithoError(
                    f"the text {text.id!r} has {len(target.ids)} tokens, but from 2 to "
                    f"{model.context} are needed"
                )
        questions = [target_of(model, question) for question in self.questions]
        return first_order(model, self.recipe, texts, questions, self.reporter)

    def _coarse(self, texts: Sequence[NamedText], first: FirstOrder) -> np.ndarray:
        """Effects of coarse runs, N x Q."""
        self.reporter.stage("coarse runs", len(texts))
        model, before_Q = self._precise_enough(float(np.sqrt(np.square(first.effects_TQ).mean())))
        asked = _sha256(json.dumps([[q.prefix, q.target] for q in self.questions]))
        works = [
            (
                coarse_specification(model, _sha256(text.text), asked, self.recipe),
                partial(coarse_run, model, self.recipe, text.text, self.questions),
            )
            for text in texts
        ]
        found = self._ledger.complete(
            works,
            lambda done, latest: self.reporter.advance(
                done, loss=latest["losses"][-1] if latest else None
            ),
        )
        return np.array([result["answers"] for result in found]) - before_Q

    @torch.no_grad()
    def _precise_enough(self, size: float) -> tuple[LanguageModel, np.ndarray]:
        """The model in bfloat16, or in float32 where rounding would hide effects of this size.

        With its answers to all questions.
        """
        rounded = load(self.source, torch.bfloat16)
        exact_Q, rounded_Q = (np.array(score(m, self.questions)) for m in (self._model, rounded))
        noise = np.sqrt(2 * np.square(exact_Q - rounded_Q).mean())  # of a difference of two answers
        return (rounded, rounded_Q) if size > CLEAR * noise else (self._model, exact_Q)


def without_seed(recipe: Recipe) -> dict[str, object]:
    return recipe.model_dump(mode="json", exclude={"seed"})


def _columns(first: FirstOrder, coarse_NQ: np.ndarray, price: Price) -> np.ndarray:
    """What a prediction is made of, T x Q x F: first-order effects and the mean of all texts'.

    Then what the coarse runs have in common and, if every text has one, its own.
    """
    effects_TQ = first.effects_TQ
    columns = [
        effects_TQ,
        *(np.broadcast_to(x.mean(0), effects_TQ.shape) for x in (effects_TQ, coarse_NQ)),
    ]
    return np.stack([*columns, coarse_NQ] if price == "careful" else columns, axis=-1)


def _notices(calibration: Calibration, seconds: float) -> list[str]:
    if calibration.holds:
        return []
    agreed = calibration.agreement.value or 0.0
    return [
        f"at this recipe and price, predictions agree with what was measured by {agreed:.2f} only: "
        f"{'take --price careful, or ' if calibration.price == 'cheap' else ''}run it, which takes "
        f"about {seconds / 60:.0f} minutes ('litho ensemble')"
    ]


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
