"""Predictions and their calibration as the command line calls them."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, get_args

import numpy as np
from rich.markup import escape
from rich.table import Table

from litho import __version__
from litho.cli.console import Bars, console, results
from litho.core.config import load_config
from litho.core.errors import Interrupted, LithoError
from litho.core.files import whole_file
from litho.core.runs import RunDirectory
from litho.jobs.ensemble.config import EnsemblePlan
from litho.jobs.ensemble.run import Ensemble
from litho.jobs.predict.advice import harmful, opposed, redundant, suggested
from litho.jobs.predict.calibration import FEWEST, Calibration
from litho.jobs.predict.config import Price
from litho.jobs.predict.predictor import Prediction, Predictor
from litho.jobs.predict.reach import read_calibrations, shipped_calibrations, written_calibrations
from litho.learn.recipe import Recipe
from litho.measure.agreement import FEWEST as RANKED
from litho.model.sources import locate
from litho.show.report import write_report
from litho.show.wording import cell, leak_sentence
from litho.text.items import NamedText, Question, leaks, read_questions, read_texts

CALIBRATION = "calibration.json"
SHOWN = 10  # texts in the table
_LONG = {"usual", "ridge", "checked"}  # of a calibration: only in its own file


def checked_price(name: str) -> Price:
    """Raises LithoError if there is no such price."""
    for price in get_args(Price):
        if name == price:
            return price
    raise LithoError(f"there is no price {name!r}: there are {', '.join(get_args(Price))}")


def predict(
    texts_file: Path,
    probes_file: Path,
    recipe_file: Path | None,
    model: str,
    price: Price,
    calibration_file: Path | None,
    out: Path,
    assignments: Sequence[str],
    as_json: bool,
) -> None:
    """Predict every text's effect on every probe; the same command goes on where it stopped."""
    recipe = load_config(Recipe, recipe_file, assignments)
    texts, questions = read_texts(texts_file), read_questions(probes_file)
    known = read_calibrations(calibration_file) if calibration_file else shipped_calibrations()
    _check_folder(out)
    try:
        with Bars() as bars:
            predictor = Predictor(locate(model), recipe, texts, questions, out, bars)
            found = predictor.predict(price, known)
    except KeyboardInterrupt:
        raise Interrupted("stopped; the same command goes on from here") from None
    effects = list(_effects(texts, questions, found))
    summary = _summary(texts, questions, price, found)
    summary["reach"] = [_reached(c) for c in predictor.reach(known)]
    run = RunDirectory(out)
    run.write_rows("predictions.parquet", effects)
    run.write_json("metrics.json", summary)
    if found.calibration:  # in the form that --calibration reads
        with whole_file(out / CALIBRATION) as temporary:
            temporary.write_bytes(written_calibrations([found.calibration]))
    run.write_yaml(
        "manifest.yaml",
        {
            "command": "predict",
            "litho": __version__,
            "model": predictor.source.described(),
            "recipe": recipe.model_dump(mode="json"),
            "price": price,
            "texts": texts_file.name,
            "probes": probes_file.name,
        },
    )
    report = write_report(run)
    if as_json:
        print(json.dumps({"effects": [_written(e) for e in effects]} | summary, ensure_ascii=False))
    else:
        _show(summary, [text.id for text in texts], found.effects_TQ)
        console.print(f"report: {report}", soft_wrap=True, markup=False)


def _summary(
    texts: Sequence[NamedText], questions: Sequence[Question], price: Price, found: Prediction
) -> dict[str, Any]:
    names, asked = [text.id for text in texts], [question.id for question in questions]
    repeated = redundant(names, found.cosines_TT)
    leaked = [{"text": text, "probe": probe} for text, probe in leaks(texts, questions)]
    shown_TQ = np.zeros(found.effects_TQ.shape, dtype=bool)
    if found.half_TQ is not None:
        shown_TQ = found.trusted_TQ & (np.abs(found.effects_TQ) > found.half_TQ)
    harm = harmful(names, asked, found.effects_TQ, shown_TQ & (found.effects_TQ < 0))
    pulled = opposed(names, asked, found.effects_TQ, shown_TQ)
    calibration = found.calibration
    return {
        "price": price,
        "harmful": [each.model_dump() for each in harm],
        "opposed": [pull.model_dump() for pull in pulled],
        "redundant": [pair.model_dump() for pair in repeated],
        "suggested": suggested(names, found.effects_TQ, repeated),
        "leaks": leaked,
        "calibration": calibration.model_dump(exclude=_LONG) if calibration else None,
        "notices": [*found.notices, *filter(None, [leak_sentence(leaked)])],
        "cost": {"seconds": found.seconds, "run_it_seconds": found.run_it_seconds},
    }


def calibrate(
    plan_file: Path, out: Path, price: Price, assignments: Sequence[str], as_json: bool
) -> None:
    """Do the runs of a plan that are left, and fit predictions to them."""
    plan = load_config(EnsemblePlan, plan_file, assignments)
    texts = read_texts(plan_file.parent / plan.texts)
    questions = read_questions(plan_file.parent / plan.probes)
    if len(plan.models) > 1 or plan.sample:
        raise LithoError("a calibration is for one model and all runs of a plan, not for a sample")
    if len(texts) < FEWEST or len(questions) < RANKED:
        raise LithoError(
            f"{len(texts)} texts and {len(questions)} probes are too few to calibrate on: at least "
            f"{FEWEST} and {RANKED} are needed"
        )
    path = out / CALIBRATION
    kept = read_calibrations(path) if path.exists() else []
    try:
        with Bars() as bars:
            made = list(_fitted(Ensemble(plan, texts, questions, out, bars), price))
    except KeyboardInterrupt:
        raise Interrupted("stopped; the same command goes on from here") from None
    again = [_what_for(c) for c in made]
    kept = [c for c in kept if _what_for(c) not in again]
    with whole_file(path) as temporary:
        temporary.write_bytes(written_calibrations([*kept, *made]))
    if as_json:
        print(json.dumps([c.model_dump() for c in made], ensure_ascii=False))
    else:
        _show_calibrations(made)
        results.print(f"calibration  {path}", soft_wrap=True, markup=False)


def _fitted(ensemble: Ensemble, price: Price) -> Iterator[Calibration]:
    """A calibration for each recipe and number of steps, on the runs with the plan's first seed."""
    plan, seed = ensemble.plan, ensemble.plan.seeds[0]
    runs = [found for found in ensemble.run() if found.run.recipe.seed == seed]
    for number, recipe in enumerate(plan.recipes):
        for step in plan.steps_of(recipe):
            measured = {
                found.run.text.id: found.deltas
                for found in runs
                if (found.run.number, found.step) == (number, step)
            }
            predictor = Predictor(
                locate(plan.models[0]),
                recipe.model_copy(update={"steps": step, "seed": seed}),
                ensemble.texts,
                ensemble.questions,
                ensemble.folder,
                ensemble.reporter,
            )
            rows = [measured[text.id] for text in ensemble.texts]
            yield from predictor.calibrated(price, np.array(rows))


def _what_for(calibration: Calibration) -> tuple[object, ...]:
    c = calibration
    return c.price, c.model, c.recipe, c.questions


def _reached(calibration: Calibration) -> dict[str, Any]:
    """A line of the report's table of prices and steps."""
    return {
        "price": calibration.price,
        "steps": calibration.recipe["steps"],
        "probes": "these" if calibration.questions else "any",
        "runs": calibration.runs,
        "agreement": calibration.agreement.model_dump(),
        "r2": calibration.r2,
        "holds": calibration.holds,
    }


def _show_calibrations(made: Sequence[Calibration]) -> None:
    table = Table(show_edge=False)
    for column in ("learning rate", "steps", "probes", "agreement", "variance explained"):
        table.add_column(column, justify="right")
    for found in made:
        rate, steps = found.recipe["learning_rate"], found.recipe["steps"]
        probes = "these" if found.questions else "any"
        table.add_row(f"{rate:g}", str(steps), probes, cell(found.agreement), f"{found.r2:.2f}")
    results.print(table)


def _check_folder(out: Path) -> None:
    """Raises LithoError if a folder holds something else than a prediction."""
    manifest = out / "manifest.yaml"
    own = manifest.exists() and RunDirectory(out).read_yaml("manifest.yaml")["command"] == "predict"
    if (out / "metrics.json").exists() and not own:
        raise LithoError(f"{out} holds something else than a prediction: choose another --out")


def _effects(
    texts: Sequence[NamedText], questions: Sequence[Question], found: Prediction
) -> Iterator[dict[str, Any]]:
    for t, text in enumerate(texts):
        for q, question in enumerate(questions):
            delta = float(found.effects_TQ[t, q])
            half = None if found.half_TQ is None else float(found.half_TQ[t, q])
            yield {
                "text": text.id,
                "probe": question.id,
                "delta": delta,
                "total": delta * int(found.tokens_Q[q]),
                "low": None if half is None else delta - half,
                "high": None if half is None else delta + half,
                "trusted": bool(found.trusted_TQ[t, q]),
            }


def _written(effect: dict[str, Any]) -> dict[str, Any]:
    """With the interval in one."""
    low, high = effect["low"], effect["high"]
    shown = {key: effect[key] for key in ("text", "probe", "delta", "total", "trusted")}
    return shown | {"interval": None if low is None else [low, high]}


def _show(summary: dict[str, Any], names: Sequence[str], effects_TQ: np.ndarray) -> None:
    harm = {found["text"]: len(found["probes"]) for found in summary["harmful"]}
    table = Table(show_edge=False)
    for column in ("text", "mean effect, nats", "largest", "smallest", "lowered (90 %)"):
        table.add_column(column, justify="left" if column == "text" else "right")
    order = np.argsort(-effects_TQ.mean(axis=1))
    for t in order[:SHOWN]:
        row = effects_TQ[t]
        numbers = (f"{value:+.3f}" for value in (row.mean(), row.max(), row.min()))
        table.add_row(escape(names[t]), *numbers, str(harm.get(names[t], 0)))
    results.print(table)
    if len(names) > SHOWN:
        results.print(f"and {len(names) - SHOWN} more texts")
    for pair in summary["redundant"][:SHOWN]:
        first, second = pair["texts"]
        results.print(f"repeats  {first} and {second} (cosine {pair['cosine']:.2f})", markup=False)
    for notice in summary["notices"]:
        results.print(f"note     {notice}", soft_wrap=True, markup=False)
    cost = summary["cost"]
    results.print(
        f"cost     {cost['seconds']:.0f} s; running it would take about "
        f"{cost['run_it_seconds']:.0f} s"
    )
