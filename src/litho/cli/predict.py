"""Predictions and their calibration as the command line calls them."""

import json
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import Any, get_args

from rich.markup import escape
from rich.table import Table

from litho import __version__
from litho.cli.console import Bars, console, results
from litho.core.config import load_config
from litho.core.errors import Interrupted, LithoError
from litho.core.runs import RunDirectory
from litho.jobs.ensemble.config import EnsemblePlan
from litho.jobs.predict.config import Price
from litho.jobs.predict.reach import read_calibrations, shipped_calibrations
from litho.jobs.predict.result import CalibrationResult, PredictedEffect
from litho.jobs.predict.run import CALIBRATION, Predicted, check_folder
from litho.jobs.predict.run import calibrate as run_calibration
from litho.jobs.predict.run import predict as run_prediction
from litho.learn.recipe import Recipe
from litho.model.sources import locate
from litho.show.report import write_report
from litho.show.wording import cell
from litho.text.items import read_questions, read_texts

SHOWN = 10  # texts in the table


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
    source = locate(model)
    check_folder(out)
    try:
        with Bars() as bars:
            found = run_prediction(texts, questions, recipe, source, price, known, out, bars)
    except KeyboardInterrupt:
        raise Interrupted("stopped; the same command goes on from here") from None
    run = RunDirectory(out)
    found.write(run)
    run.write_yaml(
        "manifest.yaml",
        {
            "command": "predict",
            "litho": __version__,
            "model": source.described(),
            "recipe": recipe.model_dump(mode="json"),
            "price": price,
            "texts": texts_file.name,
            "probes": probes_file.name,
        },
    )
    report = write_report(run)
    if as_json:
        written = {"effects": [_written(e) for e in found.effects]} | found.result.model_dump()
        print(json.dumps(written, ensure_ascii=False))
    else:
        _show(found)
        console.print(f"report: {report}", soft_wrap=True, markup=False)


def calibrate(
    plan_file: Path, out: Path, price: Price, assignments: Sequence[str], as_json: bool
) -> None:
    """Do the runs of a plan that are left, and fit predictions to them."""
    plan = load_config(EnsemblePlan, plan_file, assignments)
    texts = read_texts(plan_file.parent / plan.texts)
    questions = read_questions(plan_file.parent / plan.probes)
    try:
        with Bars() as bars:
            made = run_calibration(plan, texts, questions, price, out, bars)
    except KeyboardInterrupt:
        raise Interrupted("stopped; the same command goes on from here") from None
    if as_json:
        print(json.dumps(made.model_dump(), ensure_ascii=False))
    else:
        _show_calibrations(made)
        results.print(f"calibration  {out / CALIBRATION}", soft_wrap=True, markup=False)


def _show_calibrations(made: CalibrationResult) -> None:
    table = Table(show_edge=False)
    for column in ("learning rate", "steps", "probes", "agreement", "variance explained"):
        table.add_column(column, justify="right")
    for found in made.root:
        rate = found.recipe["learning_rate"]
        probes = "these" if found.questions else "any"
        table.add_row(
            f"{rate:g}", str(found.steps), probes, cell(found.agreement), f"{found.r2:.2f}"
        )
    results.print(table)


def _written(effect: PredictedEffect) -> dict[str, Any]:
    """With the interval in one."""
    interval = None if effect.low is None else [effect.low, effect.high]
    return effect.model_dump(exclude={"low", "high"}) | {"interval": interval}


def _show(predicted: Predicted) -> None:
    result = predicted.result
    by_text: dict[str, list[float]] = {}
    for effect in predicted.effects:
        by_text.setdefault(effect.text, []).append(effect.delta)
    harm = {each.text: len(each.probes) for each in result.harmful}
    table = Table(show_edge=False)
    for column in ("text", "mean effect, nats", "largest", "smallest", "lowered (90 %)"):
        table.add_column(column, justify="left" if column == "text" else "right")
    for text, deltas in sorted(by_text.items(), key=lambda item: -fmean(item[1]))[:SHOWN]:
        numbers = (f"{value:+.3f}" for value in (fmean(deltas), max(deltas), min(deltas)))
        table.add_row(escape(text), *numbers, str(harm.get(text, 0)))
    results.print(table)
    if len(by_text) > SHOWN:
        results.print(f"and {len(by_text) - SHOWN} more texts")
    for pair in result.redundant[:SHOWN]:
        first, second = pair.texts
        results.print(f"repeats  {first} and {second} (cosine {pair.cosine:.2f})", markup=False)
    for notice in result.notices:
        results.print(f"note     {notice}", soft_wrap=True, markup=False)
    cost = result.cost
    results.print(
        f"cost     {cost.seconds:.0f} s; running it would take about {cost.run_it_seconds:.0f} s"
    )
