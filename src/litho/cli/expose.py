"""`litho expose`: a text presented in several ways, and each response."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from litho.cli.console import Bars, print_json, results, say_notices, say_report
from litho.cli.options import (
    BitsOption,
    ConfigOption,
    DeviceOption,
    DtypeOption,
    JsonOption,
    MarksOption,
    ModelOption,
    OutOption,
    SetOption,
    chosen_device,
)
from litho.jobs import DEFAULT_MODEL

if TYPE_CHECKING:
    from litho.jobs.expose.result import ExposeResult


def expose(
    text: Annotated[Path, typer.Argument(help="The text to present, UTF-8.")],
    unrelated: Annotated[
        Path | None,
        typer.Option(help="Another text, for comparison.", show_default="shipped pages"),
    ] = None,
    model: ModelOption = DEFAULT_MODEL,
    marks: MarksOption = False,
    out: OutOption = None,
    config: ConfigOption = None,
    settings: SetOption = None,
    device: DeviceOption = "auto",
    dtype: DtypeOption = None,
    bits: BitsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Present a text in several ways, in the context and in training, and map each response."""
    from litho import api
    from litho.cli.shown import show
    from litho.core.config import load_config
    from litho.jobs.expose.config import ExposeConfig

    chosen = load_config(ExposeConfig, config, settings or [])
    with Bars() as bars:
        result = api.expose(
            text,
            model,
            unrelated=unrelated,
            marks=marks,
            out=out,
            config=chosen,
            device=chosen_device(device, dtype, bits),
            progress=bars,
        )
    show(result, as_json, Path(result.run))


def show_expose(result: "ExposeResult", as_json: bool) -> None:
    """Print what each way of presenting did."""
    from litho.show.wording import cell, pairs_of

    if as_json:
        print_json(result)
        return
    table = Table(show_edge=False)
    columns = ("presented", "layers", "dose", "surprise of the text", "as much of the control")
    for column in columns:
        table.add_column(column, justify="left" if column in columns[:2] else "right")
    for own, control in pairs_of(result.responses):
        first, last = own.layers or ("-", "-")
        table.add_row(
            own.experiment,
            f"{first} to {last}" if own.layers else "",
            f"{own.dose:g}",
            *(cell(response.surprise) for response in (own, control)),
        )
    results.print(table)
    results.print(f"surprise of the text alone: {cell(result.alone)} nats per token")
    say_notices(result.notices)
    say_report(result.run)
