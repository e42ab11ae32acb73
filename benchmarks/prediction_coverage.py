"""How many 90 % intervals hold on kinds of texts and probes that a calibration has not seen.

Takes the folder that `prediction_kinds.py` wrote and in whose `elsewhere` `litho ensemble` ran its
plan, predicts these runs with the calibrations that are given, and shows for each number of steps
how many measured effects lie within their intervals: of all, by kind of text and by kind of probe;
how predictions agree with them (Spearman over the probes, of each text); and how wide the intervals
are beside what was measured.

    python benchmarks/prediction_coverage.py DIR [--calibration FILE] [--method short-run]
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from scipy.stats import spearmanr

from litho.cli.console import reporting
from litho.core.config import load_config
from litho.jobs.ensemble.config import EnsemblePlan
from litho.jobs.ensemble.fine_tunes import Ensemble, opened
from litho.jobs.predict.measurements import groups_of
from litho.jobs.predict.method import METHODS
from litho.jobs.predict.predictor import Predictor
from litho.jobs.predict.reach import read_calibrations, shipped_calibrations
from litho.model.placement import default_placement
from litho.text.items import read_questions, read_texts

STEPS = (20, 8)  # more serve for fewer


def by_group(held_TQ: np.ndarray, groups: Sequence[str], axis: int) -> str:
    """The share of each group, the lowest first."""
    names = np.array(groups)
    shares = {
        group: held_TQ.compress(names == group, axis).mean() for group in dict.fromkeys(groups)
    }
    ordered = sorted(shares.items(), key=lambda item: item[1])
    return ", ".join(f"{group} {share:.2f}" for group, share in ordered)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--calibration", type=Path, help="none: those shipped with Litho")
    parser.add_argument("--method", choices=METHODS, default="short-run")
    options = parser.parse_args()
    folder = options.folder / "elsewhere"
    known = shipped_calibrations()
    if options.calibration:
        known = read_calibrations(options.calibration)
    plan = load_config(EnsemblePlan, folder / "plan.yaml")
    texts, questions = read_texts(folder / plan.texts), read_questions(folder / plan.probes)
    with reporting() as bars:
        effects = Ensemble(plan, texts, questions, folder, bars).run()
        for steps in STEPS:
            measured = {e.run.text.id: e.deltas for e in effects if e.step == steps}
            measured_TQ = np.array([measured[text.id] for text in texts])
            recipe = plan.recipes[0].model_copy(update={"steps": steps, "seed": plan.seeds[0]})
            model = opened(plan.models[0], default_placement(torch.float32))
            predictor = Predictor(
                model,
                recipe,
                texts,
                questions,
                folder,
                bars,
            )
            made = predictor.predict(options.method, known)
            if made.half_TQ is None:
                print(f"{steps} steps: no calibration")
                continue
            held_TQ = np.abs(measured_TQ - made.effects_TQ) <= made.half_TQ
            agreed = [
                spearmanr(*rows).statistic
                for rows in zip(made.effects_TQ, measured_TQ, strict=True)
            ]
            said = made.calibration.coverage if made.calibration else None
            print(
                f"{options.method}, {steps} steps: {held_TQ.mean():.3f} of {held_TQ.size} effects "
                f"within (said beforehand: {said.value if said else 'nothing'}); agreement median "
                f"{np.median(agreed):.3f}, lowest {min(agreed):.3f}; half width median "
                f"{np.median(made.half_TQ):.3f}, effect median "
                f"{np.median(np.abs(measured_TQ)):.3f} nats\n"
                f"  texts: {by_group(held_TQ, groups_of(texts), 0)}\n"
                f"  probes: {by_group(held_TQ, groups_of(questions), 1)}",
                flush=True,
            )


if __name__ == "__main__":
    main()
