"""Predictions of every text's effect on every question, by one of two methods."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path

import numpy as np
import torch

from litho.core.config import make_config
from litho.core.reporter import Reporter
from litho.core.work import Result, WorkLedger, key_of
from litho.jobs.cost import Cost
from litho.jobs.ensemble.cost import ensemble_cost
from litho.jobs.predict.calibration import Calibration, calibrate
from litho.jobs.predict.first_order import BENDS, FirstOrder, bends, first_order
from litho.jobs.predict.measurements import Measurements, groups_of, question_groups_of
from litho.jobs.predict.method import Method
from litho.jobs.predict.reach import advice, needed_method
from litho.jobs.predict.short_run import cosines, short_run, short_run_specification, strides
from litho.learn.recipe import plainest
from litho.learn.records import Recipe
from litho.measure.printing.probes import score, target_of
from litho.model.loaded import LanguageModel
from litho.model.loading import load
from litho.model.placement import training_dtype
from litho.model.read.scoring import Target
from litho.model.state import State
from litho.text.items import NamedText, Question, questions_sha256

# Shapes: T texts, Q questions, F estimates of each effect.
EXACT, ROUNDED = "float32", "bfloat16"
CLEAR = 10  # times the rounding that effects must be, for bfloat16 to do
BOUND = 1.0  # nats, towards which a straight line overstates what a long training does
FORMAT = 3  # of a specification; a change of what a result means is a new one


@dataclass(frozen=True)
class Prediction:
    """Effects T x Q in nats per target token, with half widths of intervals if calibrated."""

    effects_TQ: np.ndarray
    tokens_Q: np.ndarray  # of each target
    half_TQ: np.ndarray | None
    trusted_TQ: np.ndarray
    cosines_TT: np.ndarray  # how alike the first steps of the texts are
    calibration: Calibration | None
    notices: list[str]
    seconds: float
    run_it_seconds: float  # that training on all texts and asking all questions would take


@dataclass
class Predictor:
    """Texts and questions for one model and recipe, in a folder that keeps what was worked out."""

    model: LanguageModel
    recipe: Recipe
    texts: Sequence[NamedText]
    questions: Sequence[Question]
    folder: Path
    reporter: Reporter
    _ledger: WorkLedger = field(init=False)

    def __post_init__(self) -> None:
        self._ledger = WorkLedger(self.folder)

    def predict(self, method: Method, calibrations: Sequence[Calibration]) -> Prediction:
        """Predict with the calibration of this method, model and recipe, if it is among these.

        Of one for these questions and one for any, that which agreed better with what was measured.
        Without one: the first-order effects, or what the short runs did.
        """
        began = time.monotonic()
        known = self.reach(calibrations)
        steps = self.recipe.steps
        fitting = [c for c in known if (c.method, c.steps) == (method, steps)]
        chosen = max(fitting, key=lambda c: c.agreement.value or 0, default=None)
        run_it = self._run_it().seconds
        self.reporter.stage(f"predicting ({self._expected(method).described()})")
        estimates_TQF, cosines_TT, _ = self._estimates(method, chosen.precision if chosen else None)
        if chosen:
            effects_TQ, half_TQ = chosen.predict(estimates_TQF, self._target_tokens)
            trusted_TQ = (np.abs(effects_TQ) <= chosen.largest) & chosen.holds
        else:
            effects_TQ, half_TQ = estimates_TQF[..., -1], None  # the last is the best
            trusted_TQ = np.zeros(effects_TQ.shape, dtype=bool)
        notices = advice(method, chosen, needed_method(known, self.recipe.steps), run_it)
        took = time.monotonic() - began
        return Prediction(
            effects_TQ,
            self._target_tokens,
            half_TQ,
            trusted_TQ,
            cosines_TT,
            chosen,
            notices,
            took,
            run_it,
        )

    def reach(self, calibrations: Sequence[Calibration]) -> list[Calibration]:
        """Those for this model, these questions and this recipe with any number of steps."""

        own = self._of_any_length(without_seed(self.recipe))
        return [
            c
            for c in calibrations
            if c.model == self.model.source.sha256()
            and c.questions in (None, self._hash)
            and self._of_any_length(c.recipe) == own
        ]

    def _of_any_length(self, recipe: Mapping[str, object]) -> dict[str, object]:
        """A recipe without its steps, and with all layers or modules not written out."""
        said = {key: recipe.get(key) for key in ("layers", "target_modules")}
        if any(said.values()):
            said = plainest(self.model, make_config(Recipe, said)).model_dump(
                mode="json", include=set(said)
            )
        return {key: value for key, value in {**recipe, **said}.items() if key != "steps"}

    def calibrated(self, method: Method, measured_TQ: np.ndarray) -> list[Calibration]:
        """Fit the estimates of these texts to what they did: for any questions, and for these."""
        estimates_TQF, _, precision = self._estimates(method, None)
        recipe = without_seed(plainest(self.model, self.recipe))
        model = self.model.source.sha256()
        runs = Measurements(
            estimates_TQF,
            measured_TQ,
            self._target_tokens,
            groups_of(self.texts),
            question_groups_of(self.questions),
        )
        return [
            calibrate(method, model, recipe, questions, precision, runs)
            for questions in (None, self._hash)
        ]

    def _estimates(
        self, method: Method, precision: str | None
    ) -> tuple[np.ndarray, np.ndarray, str]:
        """What a prediction is made of, T x Q x F, cosines T x T, precision of the short runs.

        First-order effects, the best also bounded, or, by short runs, what short runs did. Those of
        one text do not depend on which others are there.
        """
        if method == "first-order":
            first = self._first_order()
            estimates = first.estimates(self.recipe.steps)
            bounded_TQ = BOUND * np.tanh(estimates[-1] / BOUND)
            return np.stack([bounded_TQ, *estimates], -1), first.cosines_TT, EXACT
        if not precision or self._fastest == EXACT:  # less rounding does an interval no harm
            precision = self._precise_enough()
        effects_TQ, cosines_TT = self._short_runs(precision, self.texts)
        return effects_TQ[..., None], cosines_TT, precision

    @property
    def _fastest(self) -> str:
        return training_dtype(self.model.placement.device)

    @cached_property
    def _rounded(self) -> LanguageModel:
        placement = replace(self.model.placement, dtype=torch.bfloat16)
        return load(self.model.source, placement)

    def _run_it(self) -> Cost:
        """Time and memory of training on all texts and asking all questions."""
        count = len(self.texts)
        return ensemble_cost(
            self.model, self.recipe.steps * self._tokens, count * self._asked, count
        )

    def _expected(self, method: Method) -> Cost:
        """Time and memory of a prediction."""
        steps, runs = 1 + bends(self.recipe.steps), 0
        if method == "short-run":
            steps, runs = len(strides(self.recipe.steps)), len(self.texts)
        asked = (1 + runs) * self._asked
        return ensemble_cost(self.model, steps * self._tokens, asked, runs)

    @cached_property
    def _tokens(self) -> int:
        return sum(len(self.model.encode(text.text)) for text in self.texts)

    @cached_property
    def _asked(self) -> int:
        return sum(len(target_of(self.model, question).ids) for question in self.questions)

    def _first_order(self) -> FirstOrder:
        """Worked out once: what is kept for more steps serves for fewer."""
        once = self.recipe.model_copy(update={"steps": 1})
        common = {
            "format": FORMAT,
            "first order": [text.sha256 for text in self.texts],
            "model": self.model.source.sha256(),
            "questions": self._hash,
            "recipe": once.model_dump(mode="json"),
            "placement": self.model.placement.described(),
        }
        fewest = bends(self.recipe.steps)
        usable = [common | {"bends": BENDS[:k]} for k in range(fewest, len(BENDS) + 1)]
        known = self._ledger.known()
        specification = next((each for each in usable if key_of(each) in known), usable[0])

        def work() -> Result:
            model = self.model
            texts = [Target(tuple(model.encode(text.text)), 1) for text in self.texts]
            questions = [target_of(model, question) for question in self.questions]
            first = first_order(model, self.recipe, texts, questions, self.reporter)
            return {name: values.tolist() for name, values in vars(first).items()}

        (result,) = self._ledger.complete([(specification, work)])
        return FirstOrder(**{name: np.array(values) for name, values in result.items()})

    @cached_property
    def _target_tokens(self) -> np.ndarray:
        """How many tokens each target has, Q."""
        targets = [target_of(self.model, question) for question in self.questions]
        return np.array([len(target.ids) - target.first for target in targets])

    @cached_property
    def _hash(self) -> str:
        return questions_sha256(self.questions)

    def _short_runs(
        self, precision: str, texts: Sequence[NamedText]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Effects of short runs, T x Q, and how alike their first steps are, T x T."""
        self.reporter.stage("short runs", len(texts))
        if precision == ROUNDED:
            model, before_Q = self._rounded, self._rounded_answers
        else:
            model, before_Q = self.model, self._answers
        works = [
            (
                short_run_specification(model, text.sha256, self._hash, self.recipe),
                partial(short_run, model, self.recipe, text.text, self.questions),
            )
            for text in texts
        ]
        results = self._ledger.complete(
            works,
            lambda done, latest: self.reporter.advance(
                done, loss=latest["losses"][-1] if latest else None
            ),
        )
        answers_TQ = np.array([result["answers"] for result in results])
        alike_TT = cosines([result["first_step"] for result in results])
        return answers_TQ - before_Q, alike_TT

    def _precise_enough(self) -> str:
        """bfloat16 where that is faster and its rounding does not hide what the first text does."""
        if self._fastest == EXACT:
            return EXACT
        rounding = self._rounded_answers - self._answers
        noise = np.sqrt(2 * np.square(rounding).mean())  # of a difference of two answers
        effects_TQ, _ = self._short_runs(ROUNDED, self.texts[:1])
        return ROUNDED if np.sqrt(np.square(effects_TQ).mean()) > CLEAR * noise else EXACT

    @cached_property
    def _answers(self) -> np.ndarray:
        """What the untouched model says to the questions."""
        return np.array(score(State(self.model), self.questions))

    @cached_property
    def _rounded_answers(self) -> np.ndarray:
        return np.array(score(State(self._rounded), self.questions))


def without_seed(recipe: Recipe) -> dict[str, object]:
    return recipe.model_dump(mode="json", exclude={"seed"})
