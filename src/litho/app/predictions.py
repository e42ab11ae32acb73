"""Predictions and their calibration as the command line calls them."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import TypeAdapter, ValidationError
from rich.table import Table

from litho.app.console import Bars, console, results
from litho.app.wording import cell
from litho.core.config import load_config
from litho.core.errors import Interrupted, LithoError
from litho.core.runs import whole_file
from litho.model.loading import locate
from litho.text.collections import leaks, read_questions, read_texts
from litho.train.ensemble import Ensemble, Plan
from litho.train.prediction.advice import harmful, redundant, suggested
from litho.train.prediction.calibration import Calibration, Price
from litho.train.prediction.predictor import Prediction, Predictor
from litho.train.recipe import Recipe

SHOWN = 10  # texts in the table
_CALIBRATIONS = TypeAdapter(list[Calibration])


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
    known = _read_calibrations(calibration_file) if calibration_file else []
    try:
        with Bars() as bars:
            predictor = Predictor(locate(model), recipe, texts, questions, out, bars)
            found = predictor.predict(price, known)
    except KeyboardInterrupt:
        raise Interrupted("stopped; the same command goes on from here") from None
    names, asked = [text.id for text in texts], [question.id for question in questions]
    repeated = redundant(names, found.cosines_TT)
    summary: dict[str, Any] = {
        "effects": _effects(names, asked, found),
        "harmful": [h.model_dump() for h in harmful(names, asked, found.effects_TQ, found.half_TQ)]
        if found.half_TQ is not None
        else [],
        "redundant": [pair.model_dump() for pair in repeated],
        "suggested": suggested(names, found.effects_TQ, repeated),
        "leaks": [{"text": text, "probe": probe} for text, probe in leaks(texts, questions)],
        "price": price,
        "calibration": found.calibration.model_dump() if found.calibration else None,
        "notices": found.notices,
        "cost": {"seconds": found.cpu_seconds, "run_it_seconds": found.run_it_seconds},
    }
    with whole_file(out / "predictions.parquet") as path:
        pq.write_table(pa.Table.from_pylist(_rows(summary["effects"])), path)
    with whole_file(out / "metrics.json") as path:
        path.write_text(json.dumps(summary, ensure_ascii=False), encoding="utf-8")
    if as_json:
        print(json.dumps(summary, ensure_ascii=False))
    else:
        _show(summary, names, found.effects_TQ, out)


def calibrate(
    plan_file: Path, out: Path, price: Price, assignments: Sequence[str], as_json: bool
) -> None:
    """Do the runs of a plan that are left, and fit predictions to them."""
    plan = load_config(Plan, plan_file, assignments)
    texts = read_texts(plan_file.parent / plan.texts)
    questions = read_questions(plan_file.parent / plan.probes)
    if len(plan.models) > 1 or plan.sample:
        raise LithoError("a calibration is for one model and all runs of a plan, not for a sample")
    made = []
    try:
        with Bars() as bars:
            runs = Ensemble(plan, texts, questions, out, bars).run()
            for number, recipe in enumerate(plan.recipes):
                for step in plan.steps_of(recipe):
                    rows = [
                        np.mean([e.deltas for e in runs if (e.run.text.id, e.run.number, e.step)
                                 == (text.id, number, step)], axis=0)
                        for text in texts
                    ]  # fmt: skip
                    shorter = recipe.model_copy(update={"steps": step})
                    predictor = Predictor(
                        locate(plan.models[0]), shorter, texts, questions, out, bars
                    )
                    made.append(predictor.calibrated(price, np.array(rows)))
    except KeyboardInterrupt:
        raise Interrupted("stopped; the same command goes on from here") from None
    path = out / "calibration.json"
    kept = [c for c in (_read_calibrations(path) if path.exists() else []) if c.price != price]
    with whole_file(path) as temporary:
        temporary.write_bytes(_CALIBRATIONS.dump_json([*kept, *made], indent=1))
    if as_json:
        print(json.dumps([c.model_dump() for c in made], ensure_ascii=False))
        return
    table = Table(show_edge=False)
    for column in ("learning rate", "steps", "agreement", "variance explained"):
        table.add_column(column, justify="right")
    for found in made:
        recipe_ = found.recipe
        table.add_row(
            f"{recipe_['learning_rate']:g}",
            str(recipe_["steps"]),
            cell(found.agreement),
            f"{found.r2:.2f}",
        )
    results.print(table)
    results.print(f"calibration  {path}", soft_wrap=True, markup=False)


def _read_calibrations(path: Path) -> list[Calibration]:
    try:
        return _CALIBRATIONS.validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise LithoError(
            f"{path} holds no calibration (make one with 'litho calibrate'): "
            f"{str(error).splitlines()[0]}"
        ) from None


def _effects(
    texts: Sequence[str], questions: Sequence[str], found: Prediction
) -> list[dict[str, Any]]:
    return [
        {
            "text": text,
            "probe": question,
            "delta": (delta := float(found.effects_TQ[t, q])),
            "interval": None
            if found.half_TQ is None
            else [delta - float(found.half_TQ[t, q]), delta + float(found.half_TQ[t, q])],
            "trusted": bool(found.trusted_TQ[t, q]),
        }
        for t, text in enumerate(texts)
        for q, question in enumerate(questions)
    ]


def _rows(effects: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {
            "text": effect["text"],
            "probe": effect["probe"],
            "delta": effect["delta"],
            "low": effect["interval"][0] if effect["interval"] else None,
            "high": effect["interval"][1] if effect["interval"] else None,
            "trusted": effect["trusted"],
        }
        for effect in effects
    ]


def _show(summary: dict[str, Any], names: Sequence[str], effects_TQ: np.ndarray, out: Path) -> None:
    harm = {found["text"]: len(found["probes"]) for found in summary["harmful"]}
    table = Table(show_edge=False)
    for column in ("text", "mean effect, nats", "largest", "smallest", "surely lowered"):
        table.add_column(column, justify="left" if column == "text" else "right")
    order = np.argsort(-effects_TQ.mean(axis=1))
    for t in order[:SHOWN]:
        row = effects_TQ[t]
        numbers = (f"{value:+.3f}" for value in (row.mean(), row.max(), row.min()))
        table.add_row(names[t], *numbers, str(harm.get(names[t], 0)))
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
        f"cost     {cost['seconds']:.0f} s of computing; running it would take about "
        f"{cost['run_it_seconds']:.0f} s"
    )
    console.print(f"predictions: {out}", soft_wrap=True, markup=False)
