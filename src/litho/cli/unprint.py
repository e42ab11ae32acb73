"""`litho unprint`: take a page out of an adapter again."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from litho.cli.console import Bars, print_json, results, say_report
from litho.cli.options import (
    BitsOption,
    DeviceOption,
    DtypeOption,
    JsonOption,
    OutOption,
    chosen_device,
)

if TYPE_CHECKING:
    from litho.jobs.imprint.result import UnprintResult


def unprint(
    run: Annotated[Path, typer.Argument(help="A finished run of 'litho imprint'.")],
    page: Annotated[str, typer.Option(help="The page to take out, by its name.")],
    out: OutOption = None,
    device: DeviceOption = "auto",
    dtype: DtypeOption = None,
    bits: BitsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take one of the pages out of the adapter of a run, into a new run."""
    from litho import api
    from litho.cli.shown import show

    with Bars() as bars:
        where = chosen_device(device, dtype, bits)
        result = api.unprint(run, page, out, device=where, progress=bars)
    show(result, as_json, Path(result.run))


def show_unprint(result: "UnprintResult", as_json: bool) -> None:
    """Print what is left of each page."""
    from litho.measure.printing.verdict import number

    if as_json:
        print_json(result)
        return
    table = Table(title=f"Without {result.page.page}", title_style="bold", show_edge=False)
    for column in ("imprint on rewordings", "before", "after"):
        table.add_column(column, justify="left" if column.startswith("imprint") else "right")
    for page in (result.page, *result.others):
        before, after = page.imprint_before["gen"], page.imprint_after["gen"]
        table.add_row(page.page, number(before), number(after))
    drifts = [number(drift.retention, 4) for drift in (result.drift_before, result.drift)]
    table.add_row("drift, nats/token", *drifts)
    results.print(table)
    results.print(f"adapter  {result.adapter}", soft_wrap=True)
    say_report(result.run)
