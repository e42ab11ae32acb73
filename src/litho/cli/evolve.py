"""`litho evolve`: genomes are bred, raced and tried again."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from litho.cli.console import Bars, print_json, results, say_notices, say_report
from litho.cli.genome import GenomeArgument
from litho.cli.options import (
    ClusterOption,
    DeviceOption,
    JsonOption,
    ProcessesOption,
    SetOption,
    SharedOutOption,
    chosen_device,
)

if TYPE_CHECKING:
    from litho.jobs.evolve.result import EvolveResult, Fresh


def evolve(
    genome: GenomeArgument,
    out: SharedOutOption,
    checkpoints: Annotated[
        Path | None,
        typer.Option(help="Folder of checkpoints that runs share.", show_default="one in the run"),
    ] = None,
    cluster: ClusterOption = None,
    processes: ProcessesOption = 1,
    settings: SetOption = None,
    device: DeviceOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """Breed genomes, race them over seeds, and try the best again on fresh seeds and worlds."""
    from litho import api
    from litho.cli.shown import show
    from litho.core.config import load_config
    from litho.jobs.evolve.config import EvolveConfig

    with Bars() as bars:
        result = api.evolve(
            genome,
            out,
            checkpoints=checkpoints,
            cluster=cluster,
            processes=processes,
            device=chosen_device(device),
            config=load_config(EvolveConfig, None, settings or []),
            progress=bars,
        )
    show(result, as_json, Path(result.run))


def show_evolve(result: "EvolveResult", as_json: bool) -> None:
    """Print what is said first, and everyone on fresh seeds."""
    if as_json:
        print_json(result)
        return
    results.print(result.said, markup=False)
    results.print(_table([*result.finalists, *result.baselines.values()]))
    results.print(
        f"{result.runs} schools; {result.reused:.0%} of their tokens had been trained on before"
    )
    results.print(f"best     {result.genome}", soft_wrap=True, markup=False)
    say_notices(result.notices)
    say_report(result.run)


def _table(rows: "list[Fresh]") -> Table:
    from litho.jobs.evolve.result import OBJECTIVES
    from litho.show.wording import cell

    table = Table(show_edge=False, title="on fresh seeds and worlds")
    for column in ("genome", "from"):
        table.add_column(column)
    for column in ("bridging in the search", *OBJECTIVES):
        table.add_column(column, justify="right")
    for row in rows:
        before = cell(row.search["bridging"]) if row.search else "-"
        table.add_row(row.id, row.role, before, *(cell(row.fresh[name]) for name in OBJECTIVES))
    return table
