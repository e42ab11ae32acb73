"""`litho ensemble`: many micro fine-tunes, and what agrees."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from litho.cli.console import Bars, print_json, results, say_notices, say_report
from litho.cli.options import (
    BitsOption,
    ClusterOption,
    DeviceOption,
    DtypeOption,
    JsonOption,
    ProcessesOption,
    SetOption,
    SharedOutOption,
    chosen_device,
)

if TYPE_CHECKING:
    from litho.jobs.ensemble.result import EnsembleResult


def ensemble(
    plan: Annotated[Path, typer.Argument(help="Texts, probes, recipes, seeds, models: YAML.")],
    out: SharedOutOption,
    cluster: ClusterOption = None,
    processes: ProcessesOption = 1,
    settings: SetOption = None,
    device: DeviceOption = "auto",
    dtype: DtypeOption = None,
    bits: BitsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Train on many texts one by one and see what each does to every question."""
    from litho import api
    from litho.cli.shown import show
    from litho.jobs.ensemble.config import read_plan

    spec = read_plan(plan, settings or [])
    with Bars() as bars:
        result = api.ensemble(
            spec,
            out,
            cluster=cluster,
            processes=processes,
            device=chosen_device(device, dtype, bits),
            progress=bars,
        )
    show(result, as_json, Path(result.run))


def show_ensemble(result: "EnsembleResult", as_json: bool) -> None:
    """Print what agrees."""
    from litho.jobs.ensemble.result import leak_sentence
    from litho.show.wording import cell

    if as_json:
        print_json(result)
        return
    table = Table(show_edge=False)
    for column in ("recipe", "step", "seeds agree", "models agree", "claims", "again", "against"):
        table.add_column(column, justify="right")
    for row in result.agreement:
        claims = row.claims
        table.add_row(
            str(row.recipe),
            str(row.step),
            "; ".join(map(cell, row.seeds.values())),
            cell(row.models),
            *map(str, (claims.made, claims.replicated, claims.contradicted)),
        )
    results.print(f"{result.texts} texts, {result.probes} probes")
    results.print(table)
    say_notices([said] if (said := leak_sentence(result.leaks)) else [])
    results.print(f"matrix   {result.run}/effects.parquet", soft_wrap=True)
    say_report(result.run)
