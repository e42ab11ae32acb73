"""Estimates of every text's effect on every question, at one of two prices."""

import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import torch

from litho.core.errors import LithoError
from litho.core.ledger import SharedLedger
from litho.measure.probes import score, target_of
from litho.model.loading import LanguageModel, ModelSource, load
from litho.model.scoring import Target
from litho.text.collections import NamedText, Question
from litho.train.cost import ensemble_cost
from litho.train.job import Reporter
from litho.train.prediction.calibration import Calibration, Price, calibrate
from litho.train.prediction.coarse import coarse_run, coarse_specification
from litho.train.prediction.first_order import FirstOrder, first_order
from litho.train.recipe import Recipe

# Shapes: T texts, Q questions, F estimates of each effect.
PLAIN: dict[Price, int] = {"cheap": 0, "careful": 3}  # the estimate that needs no calibration
CLEAR = 10  # times the rounding that effects must be, for bfloat16 to do
SAMPLE = 5  # texts whose coarse runs stand for all others where the price is cheap


@dataclass(frozen=True)
class Estimates:
    """Estimates T x Q x F in nats, how alike the texts are, T x T, and what it took."""

    estimates_TQF: np.ndarray
    cosines_TT: np.ndarray
    cpu_seconds: float


@dataclass(frozen=True)
class Prediction:
    """Effects T x Q in nats per target token, with half widths of intervals if calibrated."""

    effects_TQ: np.ndarray
    half_TQ: np.ndarray | None
    trusted_TQ: np.ndarray
    cosines_TT: np.ndarray
    calibration: Calibration | None
    notices: list[str]
    cpu_seconds: float
    run_it_seconds: float


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

    def estimates(self, price: Price) -> Estimates:
        """Cheap: first-order effects, and what a few coarse runs have in common.

        Careful: also a coarse run of every text. Both with the means over all texts.
        """
        began = time.process_time()
        first = self._first_order()
        step = max(1, len(self.texts) // SAMPLE) if price == "cheap" else 1
        effects_TQ = first.effects_TQ
        size = float(np.sqrt(np.square(effects_TQ).mean()))
        coarse_NQ = self._coarse(self.texts[::step], size)
        columns = [
            effects_TQ,
            _mean(effects_TQ),
            np.broadcast_to(coarse_NQ.mean(0), effects_TQ.shape),
        ]
        if price == "careful":
            columns.append(coarse_NQ)
        return Estimates(np.stack(columns, axis=-1), first.cosines_TT, time.process_time() - began)

    def predict(self, price: Price, calibrations: Sequence[Calibration]) -> Prediction:
        """Predict with the calibration of this price, model and recipe, if it is among these."""
        found = self.estimates(price)
        wanted = (price, self.source.sha256(), without_seed(self.recipe))
        fitting = [c for c in calibrations if (c.price, c.model, c.recipe) == wanted]
        cost = self._run_it()
        if not fitting:
            plain_TQ = found.estimates_TQF[..., PLAIN[price]]
            said = (
                f"no calibration for this model, recipe and price ({price}): estimates without "
                "intervals, and none is trusted; 'litho calibrate' makes one"
            )
            never = np.zeros(plain_TQ.shape, dtype=bool)
            return Prediction(
                plain_TQ, None, never, found.cosines_TT, None, [said], found.cpu_seconds, cost
            )
        chosen = fitting[0]
        effects_TQ, half_TQ = chosen.predict(found.estimates_TQF)
        trusted_TQ = (np.abs(effects_TQ) <= chosen.largest) & chosen.holds
        return Prediction(
            effects_TQ,
            half_TQ,
            trusted_TQ,
            found.cosines_TT,
            chosen,
            _notices(chosen, cost),
            found.cpu_seconds,
            cost,
        )

    def _run_it(self) -> float:
        """Seconds that training on all texts and asking all questions would take."""
        model = load(self.source, torch.float32)
        trained = sum(self.recipe.steps * len(model.encode(text.text)) for text in self.texts)
        asked = sum(len(target_of(model, question).ids) for question in self.questions)
        count = len(self.texts)
        return ensemble_cost(model, trained, asked * count, count).seconds

    def calibrated(self, price: Price, measured_TQ: np.ndarray) -> Calibration:
        """Fit the estimates of these texts to what they were measured to do.

        Raises LithoError if they are too few.
        """
        try:
            return calibrate(
                price,
                self.source.sha256(),
                without_seed(self.recipe),
                self.estimates(price).estimates_TQF,
                measured_TQ,
            )
        except ValueError as error:
            raise LithoError(f"nothing can be calibrated on {error}") from None

    def _first_order(self) -> FirstOrder:
        model = load(self.source, torch.float32)
        texts = [Target(tuple(model.encode(text.text)), 1) for text in self.texts]
        for text, target in zip(self.texts, texts, strict=True):
            if not 1 < len(target.ids) <= model.context:
                raise LithoError(
                    f"the text {text.id!r} has {len(target.ids)} tokens, but from 2 to "
                    f"{model.context} are needed"
                )
        questions = [target_of(model, question) for question in self.questions]
        return first_order(model, self.recipe, texts, questions, self.reporter)

    def _coarse(self, texts: Sequence[NamedText], size: float) -> np.ndarray:
        """Effects of coarse runs, N x Q, where effects are expected to be of this size, nats."""
        model, before_Q = self._precise_enough(size)
        self.reporter.stage("coarse runs", len(texts))
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
        exact, rounded = (load(self.source, d) for d in (torch.float32, torch.bfloat16))
        exact_Q, rounded_Q = (np.array(score(m, self.questions)) for m in (exact, rounded))
        noise = np.sqrt(2 * np.square(exact_Q - rounded_Q).mean())  # of a difference of two answers
        return (rounded, rounded_Q) if size > CLEAR * noise else (exact, exact_Q)


def _notices(calibration: Calibration, seconds: float) -> list[str]:
    if calibration.holds:
        return []
    agreed = calibration.agreement.value or 0.0
    return [
        f"at this recipe and price, predictions agree with what was measured by {agreed:.2f} only: "
        f"{'take --price careful, or ' if calibration.price == 'cheap' else ''}run it, which takes "
        f"about {seconds / 60:.0f} minutes ('litho ensemble')"
    ]


def without_seed(recipe: Recipe) -> dict[str, object]:
    return recipe.model_dump(mode="json", exclude={"seed"})


def _mean(effects_TQ: np.ndarray) -> np.ndarray:
    return np.broadcast_to(effects_TQ.mean(0), effects_TQ.shape)


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
