"""Predictions against what was measured, on texts that nothing was fitted on.

Takes the folder that `prediction_bank.py` wrote and in which `litho ensemble` ran its plan, fits a
calibration on the texts of its split that are not held out, predicts the others, and shows for each
learning rate and number of steps how predictions agree with what was measured: Spearman over the
questions, median over texts with its interval, for kinds of text that were fitted on and for those
that were not; variance explained; how many intervals hold what was measured; and CPU time a text,
to which what is kept from an earlier call adds nothing. A calibration for these probes knows
their usual effects, one for any probes does not. `dot` is the gradient's inner product
without signs, uncalibrated, as attribution tools have it.

    OMP_NUM_THREADS=1 python benchmarks/prediction.py BANK [--method short-run] [--steps 20]
"""

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from litho.cli.console import reporting
from litho.core.config import load_config
from litho.core.memory import keep_freed_memory
from litho.core.reporter import Reporter
from litho.jobs.ensemble.config import EnsemblePlan
from litho.jobs.ensemble.fine_tunes import Ensemble, opened
from litho.jobs.predict.method import METHODS, Method
from litho.jobs.predict.predictor import Prediction, Predictor
from litho.learn.records import Recipe
from litho.measure.agreement import rank_agreement
from litho.model.placement import default_placement
from litho.text.items import NamedText, Question, read_questions, read_texts

Measured = dict[tuple[float, int], dict[str, list[float]]]  # by rate and steps, by text


def measured_in(ensemble: Ensemble) -> Measured:
    found: Measured = {}
    for effect in ensemble.run():
        where = effect.run.recipe.learning_rate, effect.step
        found.setdefault(where, {})[effect.run.text.id] = effect.deltas
    return found


def predictor(
    plan: EnsemblePlan,
    recipe: Recipe,
    texts: Sequence[NamedText],
    questions: Sequence[Question],
    folder: Path,
    bars: Reporter,
) -> Predictor:
    return Predictor(
        opened(plan.models[0], default_placement(torch.float32)),
        recipe,
        texts,
        questions,
        folder,
        bars,
    )


def agreed(texts: Sequence[str], predicted_TQ: np.ndarray, measured: dict[str, list[float]]) -> str:
    rows = dict(zip(texts, predicted_TQ.tolist(), strict=True))
    found = rank_agreement([rows, {text: measured[text] for text in texts}])
    if found.value is None or found.ci is None:
        return "-"
    return f"{found.value:.3f} [{found.ci[0]:.3f}, {found.ci[1]:.3f}]"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("bank", type=Path)
    parser.add_argument("--plan", default="plan-0.0005.yaml", help="of those in the bank")
    parser.add_argument("--method", choices=METHODS, default=METHODS[0])
    parser.add_argument("--steps", type=int, nargs="*", help="numbers of steps; none: all")
    options = parser.parse_args()
    keep_freed_memory()
    method: Method = options.method
    plan = load_config(EnsemblePlan, options.bank / options.plan)
    texts = read_texts(options.bank / plan.texts)
    questions = read_questions(options.bank / plan.probes)
    split = json.loads((options.bank / "split.json").read_text(encoding="utf-8"))
    held = [text for text in texts if text.id in split["held_out"]]
    fitted = [text for text in texts if text.id not in split["held_out"]]
    seen = {text.id.partition("-")[0] for text in fitted}
    kinds = {
        "kinds fitted on": [t.id for t in held if t.id.partition("-")[0] in seen],
        "other kinds": [t.id for t in held if t.id.partition("-")[0] not in seen],
    }
    names = [text.id for text in held]
    columns = "rate|steps|probes|held out|kinds fitted on|other kinds|dot|R2|covered|CPU a text"
    print(f"| {columns.replace('|', ' | ')} |\n|{' --- |' * len(columns.split('|'))}")
    with reporting() as bars:
        measured = measured_in(Ensemble(plan, texts, questions, options.bank, bars))
        for recipe in plan.recipes:
            plain = recipe.model_copy(
                update={"steps": 1, "seed": plan.seeds[0], "optimizer": "sgd"}
            )
            dots = predictor(plan, plain, held, questions, options.bank, bars)
            dot_TQ = dots.predict("first-order", []).effects_TQ
            for steps in sorted(plan.steps_of(recipe), reverse=True):  # more serve for fewer
                if options.steps and steps not in options.steps:
                    continue
                shorter = recipe.model_copy(update={"steps": steps, "seed": plan.seeds[0]})
                rows = measured[recipe.learning_rate, steps]
                known = predictor(plan, shorter, fitted, questions, options.bank, bars)
                fits = known.calibrated(method, np.array([rows[text.id] for text in fitted]))
                for fit in fits:
                    began = time.process_time()
                    new = predictor(plan, shorter, held, questions, options.bank, bars)
                    found = new.predict(method, [fit])
                    took = time.process_time() - began
                    by_kind = [
                        agreed(own, found.effects_TQ[[names.index(n) for n in own]], rows)
                        for own in kinds.values()
                    ]
                    cells = [
                        f"{recipe.learning_rate:g}",
                        str(steps),
                        "these" if fit.questions else "any",
                        agreed(names, found.effects_TQ, rows),
                        *by_kind,
                        agreed(names, dot_TQ, rows),
                        *errors(found, np.array([rows[name] for name in names])),
                        f"{took / len(held):.1f} s",
                    ]
                    print("| " + " | ".join(cells) + " |", flush=True)


def errors(found: Prediction, true_TQ: np.ndarray) -> tuple[str, str]:
    """Variance explained, and the share of intervals that hold what was measured."""
    assert found.half_TQ is not None
    errors_TQ = true_TQ - found.effects_TQ
    r2 = 1 - np.square(errors_TQ).sum() / np.square(true_TQ - true_TQ.mean()).sum()
    return f"{r2:.2f}", f"{(np.abs(errors_TQ) <= found.half_TQ).mean():.3f}"


if __name__ == "__main__":
    main()
