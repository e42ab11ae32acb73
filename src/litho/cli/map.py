"""`litho map`: what a text does inside a model."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from litho.cli.console import Bars, print_json, results, say_notices, say_report
from litho.cli.options import (
    BitsOption,
    DeviceOption,
    DtypeOption,
    JsonOption,
    MarksOption,
    ModelOption,
    OutOption,
    chosen_device,
)
from litho.jobs import DEFAULT_MODEL

if TYPE_CHECKING:
    from litho.jobs.map.result import MapResult


def map_(
    text: Annotated[Path, typer.Argument(help="The text to read, UTF-8.")],
    model: ModelOption = DEFAULT_MODEL,
    adapter: Annotated[Path | None, typer.Option(help="PEFT adapter to read with.")] = None,
    gradients: Annotated[
        bool, typer.Option("--gradients", help="Also the gradient of the loss by layer.")
    ] = False,
    marks: MarksOption = False,
    out: OutOption = None,
    device: DeviceOption = "auto",
    dtype: DtypeOption = None,
    bits: BitsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what a text does inside a model: token by token, layer by layer."""
    from litho import api
    from litho.cli.shown import show

    with Bars() as bars:
        result = api.map(
            text,
            model,
            adapter=adapter,
            gradients=gradients,
            marks=marks,
            out=out,
            device=chosen_device(device, dtype, bits),
            progress=bars,
        )
    show(result, as_json, Path(result.run))


def show_map(result: "MapResult", as_json: bool) -> None:
    """Print the layers."""
    if as_json:
        print_json(result)
        return
    table = Table(show_edge=False)
    rows = [layer.model_dump(exclude_none=True) for layer in result.layers]
    for column in rows[0]:
        table.add_column(column.replace("_", " "), justify="right")
    for row in rows:
        table.add_row(*(f"{value:.3g}" for value in row.values()))
    results.print(table)
    results.print(
        f"{result.tokens} tokens, mean surprise {result.surprise.mean:.3f} nats, "
        f"first guess right {100 * result.top1:.1f} %"
    )
    say_notices(result.notices)
    say_report(result.run)
