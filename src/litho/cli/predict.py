"""`litho predict`: what training on texts would do, without training."""

from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from litho.cli.console import Bars, results, say_notices, say_report
from litho.cli.options import (
    BitsOption,
    DeviceOption,
    DtypeOption,
    JsonOption,
    MethodOption,
    ModelOption,
    PriceOption,
    SetOption,
    SharedOutOption,
    chosen_device,
    chosen_method,
)
from litho.cli.output import json_text
from litho.jobs import DEFAULT_MODEL

if TYPE_CHECKING:
    from litho.jobs.predict.result import PredictedEffect, PredictResult

SHOWN = 10  # texts in the table


def predict(
    texts: Annotated[Path, typer.Argument(help='Texts as JSONL: {"id": "...", "text": "..."}.')],
    probes: Annotated[
        Path, typer.Argument(help='Probes: {"id": "...", "prefix": "...", "target": "..."}.')
    ],
    out: SharedOutOption,
    recipe: Annotated[
        Path | None, typer.Option(help="YAML file with the settings of a recipe.")
    ] = None,
    method: MethodOption = None,
    price: PriceOption = None,
    calibration: Annotated[
        Path | None, typer.Option(help="calibration.json of 'litho calibrate': gives intervals.")
    ] = None,
    model: ModelOption = DEFAULT_MODEL,
    settings: SetOption = None,
    device: DeviceOption = "auto",
    dtype: DtypeOption = None,
    bits: BitsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say what training on each text would do to each probe, without training."""
    from litho import api
    from litho.cli.shown import show
    from litho.core.config import load_config
    from litho.learn.records import Recipe

    chosen = chosen_method(method, price)
    config = load_config(Recipe, recipe, settings or [])
    with Bars() as bars:
        result = api.predict(
            texts,
            probes,
            out,
            model,
            method=chosen,
            calibration=calibration,
            config=config,
            device=chosen_device(device, dtype, bits),
            progress=bars,
        )
    show(result, as_json, Path(result.run))


def show_predict(result: "PredictResult", as_json: bool) -> None:
    """Print the texts by their effects, and what to mind."""
    from litho.show.wording import coverage_sentence

    if as_json:
        written = {"effects": [_written(effect) for effect in result.effects]}
        print(json_text(written | result.model_dump(mode="json")))
        return
    by_text: dict[str, list[float]] = {}
    for effect in result.effects:
        by_text.setdefault(effect.text, []).append(effect.delta)
    harm = {each.text: len(each.probes) for each in result.harmful}
    table = Table(show_edge=False)
    for column in ("text", "mean effect, nats", "largest", "smallest", "lowered (90 %)"):
        table.add_column(column, justify="left" if column == "text" else "right")
    for text, deltas in sorted(by_text.items(), key=lambda item: -fmean(item[1]))[:SHOWN]:
        numbers = (f"{value:+.3f}" for value in (fmean(deltas), max(deltas), min(deltas)))
        table.add_row(text, *numbers, str(harm.get(text, 0)))
    results.print(table)
    if len(by_text) > SHOWN:
        results.print(f"and {len(by_text) - SHOWN} more texts")
    for pair in result.redundant[:SHOWN]:
        first, second = pair.texts
        results.print(f"repeats  {first} and {second} (cosine {pair.cosine:.2f})")
    say_notices(result.notices)
    if result.calibration:
        results.print(coverage_sentence(result.calibration.coverage))
    cost = result.cost
    results.print(
        f"cost     {cost.seconds:.0f} s; running it would take about {cost.run_it_seconds:.0f} s"
    )
    say_report(result.run)


def _written(effect: "PredictedEffect") -> dict[str, Any]:
    """With the interval in one."""
    interval = None if effect.low is None else [effect.low, effect.high]
    return effect.model_dump(exclude={"low", "high"}) | {"interval": interval}
