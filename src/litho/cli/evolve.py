"""`litho evolve`: genomes, or sequences of documents, are bred, raced and tried again."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from litho.cli.console import Bars, print_json, results, say_notices, say_report
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
    from litho.jobs.arrange.result import ArrangeResult, Tried
    from litho.jobs.evolve.result import EvolveResult, Fresh


def evolve(
    plan: Annotated[
        Path,
        typer.Argument(
            metavar="PLAN",
            help="A genome of a school, or a plan with texts and probes: YAML.",
        ),
    ],
    out: SharedOutOption,
    checkpoints: Annotated[
        Path | None,
        typer.Option(
            help="Folder of checkpoints that runs share; of schools only.",
            show_default="one in the run",
        ),
    ] = None,
    cluster: ClusterOption = None,
    processes: ProcessesOption = 1,
    settings: SetOption = None,
    device: DeviceOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """Breed genomes of a school, or sequences of documents, and race them over seeds.

    The best are tried again: schools on fresh seeds and worlds, documents on fresh seeds and probes
    that were kept back.
    """
    from litho import api
    from litho.cli.shown import show
    from litho.core.config import load_config
    from litho.core.errors import LithoError
    from litho.jobs.arrange.config import plans_documents, read_arrange_plan
    from litho.jobs.evolve.config import EvolveConfig

    place, given = chosen_device(device), settings or []
    result: EvolveResult | ArrangeResult
    if plans_documents(plan):
        if checkpoints is not None:
            raise LithoError("--checkpoints is for schools: documents are read from the start")
        spec = read_arrange_plan(plan, given)
        with Bars() as bars:
            result = api.evolve_documents(
                spec, out, cluster=cluster, processes=processes, device=place, progress=bars
            )
    else:
        with Bars() as bars:
            result = api.evolve(
                plan,
                out,
                checkpoints=checkpoints,
                cluster=cluster,
                processes=processes,
                device=place,
                config=load_config(EvolveConfig, None, given),
                progress=bars,
            )
    show(result, as_json, Path(result.run))


def show_evolve(result: "EvolveResult", as_json: bool) -> None:
    """Print what is said first, and everyone on fresh seeds."""
    if as_json:
        print_json(result)
        return
    results.print(result.said)
    results.print(_table([*result.finalists, *result.baselines.values()]))
    results.print(
        f"{result.runs} schools; {result.reused:.0%} of their tokens had been trained on before"
    )
    results.print(f"best     {result.genome}", soft_wrap=True)
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


def show_arrange(result: "ArrangeResult", as_json: bool) -> None:
    """Print what is said first, everyone on fresh seeds, and how the filter ranked."""
    from litho.show.wording import cell

    if as_json:
        print_json(result)
        return
    results.print(result.said)
    results.print(result.said_of_order)
    results.print(_tried([*result.finalists, *result.baselines.values()]))
    found = result.filter
    results.print(
        f"filter   Spearman of predicted and measured over {found.tried.n} sequences "
        f"{cell(found.tried)}, by chance {cell(found.by_chance)}; {found.seconds:.1f} s beside "
        f"{found.training_seconds:.1f} s for {result.runs} trainings",
        soft_wrap=True,
    )
    results.print(f"best     {result.written}", soft_wrap=True)
    say_notices(result.notices)
    say_report(result.run)


def _tried(rows: "list[Tried]") -> Table:
    from litho.show.wording import cell

    table = Table(show_edge=False, title="rise, nats per target token")
    for column in ("sequence", "from"):
        table.add_column(column)
    for column in ("in the search", "fresh seeds", "kept probes", "worst probe", "tokens"):
        table.add_column(column, justify="right")
    for row in rows:
        numbers = (cell(row.search) if row.search else "-", cell(row.again), cell(row.fresh))
        table.add_row(row.id, row.role, *numbers, f"{row.worst:+.2f}", str(row.tokens))
    return table
