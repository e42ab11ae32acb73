"""`litho exam`: what a model remembers, understands and connects."""

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
    OutOption,
    chosen_device,
)

if TYPE_CHECKING:
    from litho.jobs.exam.result import ExamRun


def exam(
    model: Annotated[
        str, typer.Argument(help="Who is examined: a folder, bundled, a hub id or tiny:NAME.")
    ],
    genome: Annotated[Path, typer.Option(help="The genome that questions are made from, YAML.")],
    build: Annotated[
        Path | None, typer.Option(help="A build of it, whose questions are asked instead.")
    ] = None,
    twin: Annotated[
        str | None,
        typer.Option(help="A model raised on the fluent twin; it has to be at chance."),
    ] = None,
    turned: Annotated[
        str | None,
        typer.Option(help="A model raised on the counterfactual twin; it has to turn round."),
    ] = None,
    twins: Annotated[
        Path | None,
        typer.Option(help="Folder in which both twins are raised first, unless they were."),
    ] = None,
    instruments: Annotated[
        bool,
        typer.Option("--instruments", help="Also measure weak points, each against a control."),
    ] = False,
    out: OutOption = None,
    device: DeviceOption = "auto",
    dtype: DtypeOption = None,
    bits: BitsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Examine what a model remembers, understands and connects of what a genome teaches."""
    from litho import api
    from litho.cli.shown import show

    with Bars() as bars:
        result = api.exam(
            model,
            genome,
            build=build,
            twin=twin,
            turned=turned,
            twins=twins,
            instruments=instruments,
            out=out,
            device=chosen_device(device, dtype, bits),
            progress=bars,
        )
    show(result, as_json, Path(result.run))


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def show_exam(result: "ExamRun", as_json: bool) -> None:
    """Print the verdict, what it rests on and what is missing."""
    from litho.show.wording import cell

    if as_json:
        print_json(result)
        return
    table = Table(title=f"Verdict: {result.verdict}", title_style="bold", show_edge=False)
    table.add_column("asked")
    for column in ("n", "chance", "right", "bits", "right, spoken", "best shortcut"):
        table.add_column(column, justify="right")
    for kind, found in result.tests.items():
        if not found.n:
            continue
        taken = [c.value for by in result.shortcuts.values() if (c := by.get(kind)) and c.value]
        table.add_row(
            kind,
            str(found.n),
            _number(found.chance),
            cell(found.accuracy),
            _number(found.bits),
            cell(found.spoken.accuracy) if found.spoken else "",
            f"{max(taken):.2f}" if taken else "",
        )
    results.print(table)
    for name, share in (
        ("fluent", result.twins.fluent),
        ("counterfactual", result.twins.counterfactual),
        ("turned", result.twins.turned),
    ):
        if share is not None:
            results.print(f"{name} twin: {share:.2f}")
    for reason in result.reasons:
        results.print(f"· {reason}", soft_wrap=True)
    for each in result.missing:
        results.print(f"missing: {each}", soft_wrap=True)
    say_notices(result.notices)
    say_report(result.run)
