"""`litho vary`: minimally different versions of a text."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from litho.cli.console import Bars, print_json, results, say_notices, say_report
from litho.cli.options import (
    BitsOption,
    ConfigOption,
    DeviceOption,
    DtypeOption,
    JsonOption,
    ModelOption,
    OutOption,
    SetOption,
    chosen_device,
)
from litho.cli.output import check_written, json_text
from litho.core.errors import LithoError
from litho.jobs import DEFAULT_MODEL

if TYPE_CHECKING:
    from litho.jobs.vary.result import VaryResult


def vary(
    text: Annotated[Path, typer.Argument(help="The text to vary, UTF-8.")],
    count: Annotated[
        int | None, typer.Option("-n", min=1, help="How many variants.", show_default="50")
    ] = None,
    volatility: Annotated[
        float | None,
        typer.Option(min=0, help="Budget of a variant, nats per token.", show_default="1.5"),
    ] = None,
    step: Annotated[
        int | None,
        typer.Option(min=1, help="Tokens that a step of the ladder changes.", show_default="2"),
    ] = None,
    ladder: Annotated[
        bool | None,
        typer.Option(
            "--ladder/--no-ladder",
            help="Also plan the ladder up to the text.",
            show_default="ladder",
        ),
    ] = None,
    model: ModelOption = DEFAULT_MODEL,
    out: OutOption = None,
    seed: Annotated[
        int | None, typer.Option(help="Seed of the operators.", show_default="0")
    ] = None,
    config: ConfigOption = None,
    settings: SetOption = None,
    device: DeviceOption = "auto",
    dtype: DtypeOption = None,
    bits: BitsOption = None,
    as_json: JsonOption = False,
    as_lines: Annotated[
        bool, typer.Option("--jsonl", help="Print plan and variants as lines of JSON.")
    ] = False,
) -> None:
    """Make minimally different versions of a text, each within a volatility budget."""
    from litho import api
    from litho.cli.shown import show
    from litho.core.config import load_config
    from litho.jobs.vary.config import VaryConfig

    if as_json and as_lines:
        raise LithoError("give either --json or --jsonl")
    if step and ladder is False:
        raise LithoError("--step is about the ladder: leave out --no-ladder")
    options = {
        "count": ("-n", count),
        "max_mean_kl": ("--volatility", volatility),
        "step_tokens": ("--step", step),
        "ladder": ("--ladder", ladder),
        "seed": ("--seed", seed),
    }
    chosen = load_config(VaryConfig, config, settings or [], options)
    with Bars() as bars:
        result = api.vary(
            text,
            model,
            out=out,
            config=chosen,
            device=chosen_device(device, dtype, bits),
            progress=bars,
        )
    if as_lines:
        for kind, item in _lines(result):
            print(json_text({"kind": kind} | item))
        check_written(Path(result.run))
    else:
        show(result, as_json, Path(result.run))


def _lines(result: "VaryResult") -> Iterator[tuple[str, dict[str, Any]]]:
    """What was made, one thing a line."""
    made = result.model_dump(mode="json")
    yield "depth", made["depth"]
    for key, kind in (
        ("variants", "variant"),
        ("refused", "refused"),
        ("ladder", "rung"),
        ("cliffs", "cliff"),
    ):
        for item in made[key]:
            yield kind, item


def show_vary(result: "VaryResult", as_json: bool) -> None:
    """Print the variants, the ladder in short, and the layers."""
    if as_json:
        print_json(result)
        return
    table = Table(show_edge=False)
    for column in ("operator", "mean KL", "new surprise", "changed"):
        table.add_column(column, justify="left" if column in ("operator", "changed") else "right")
    for variant in result.variants:
        changed = "; ".join(new.strip() for _, _, new in variant.diff[:4] if new.strip())
        table.add_row(
            variant.operator,
            f"{variant.volatility.mean_kl:.3f}",
            f"{variant.volatility.max_surprise:.1f}",
            changed[:60].replace("\n", " "),
        )
    results.print(table)
    results.print(f"{len(result.variants)} variants, {len(result.refused)} refused")
    if result.ladder:
        bridged = sum(cliff.bridge is not None for cliff in result.cliffs)
        results.print(
            f"ladder: {len(result.ladder)} rungs, {len(result.cliffs)} cliffs, {bridged} of them "
            "bridged"
        )
    say_notices(result.notices)
    layers = ", ".join(map(str, result.depth.layers))
    results.print(f"layers {layers}: {result.depth.reason}", soft_wrap=True)
    say_report(result.run)
