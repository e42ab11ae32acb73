"""`litho school`: a model is educated through all stages of a genome."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from litho.cli.console import Bars, print_json, results, say_notices, say_report
from litho.cli.genome import GenomeArgument
from litho.cli.options import DeviceOption, JsonOption, chosen_device

if TYPE_CHECKING:
    from litho.jobs.school.result import ExamResult, SchoolResult


def school(
    genome: GenomeArgument,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder of the run; an unfinished one of the same genome is continued.",
            show_default="runs/…",
        ),
    ] = None,
    build: Annotated[
        Path | None, typer.Option(help="An earlier build, to take over what is unchanged.")
    ] = None,
    checkpoints: Annotated[
        Path | None,
        typer.Option(
            help="Folder of checkpoints that schools share.", show_default="one in the run"
        ),
    ] = None,
    processes: Annotated[
        int, typer.Option(min=1, help="Processes that compile and, on the CPU, train.")
    ] = 1,
    replay: Annotated[
        Path | None,
        typer.Option(help="A run with pacing, whose events happen again in place of decisions."),
    ] = None,
    device: DeviceOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """Compile a genome, and train its model through all stages."""
    from litho import api
    from litho.cli.shown import show

    with Bars() as bars:
        result = api.school(
            genome,
            out=out,
            build=build,
            checkpoints=checkpoints,
            processes=processes,
            replay=replay,
            device=chosen_device(device),
            progress=bars,
        )
    show(result, as_json, Path(result.run))


def show_school(result: "SchoolResult", as_json: bool) -> None:
    if as_json:
        print_json(result)
        return
    table = Table(title=f"{result.weights:,} weights, {result.tokens:,} tokens", show_edge=False)
    table.add_column("stage")
    for column in ("tokens", "loss", "at its end", "trained"):
        table.add_column(column, justify="right")
    for stage in result.stages:
        trained = "before" if stage.reused else "now"
        table.add_row(
            stage.id, f"{stage.tokens:,}", f"{stage.loss:.3f}", f"{stage.end:.3f}", trained
        )
    results.print(table)
    if result.exam:
        results.print(_exam_table(result.exam))
    results.print(f"model    {result.model}", soft_wrap=True)
    say_notices(result.notices)
    say_report(result.run)


def _exam_table(exam: "ExamResult") -> Table:
    from litho.show.wording import cell

    table = Table(title=f"verdict: {exam.verdict}", show_edge=False)
    table.add_column("asked")
    for column in ("n", "chance", "right", "right, spoken"):
        table.add_column(column, justify="right")
    for kind, found in exam.tests.items():
        if found.n:
            spoken = cell(found.spoken.accuracy) if found.spoken else ""
            table.add_row(kind, str(found.n), f"{found.chance:.2f}", cell(found.accuracy), spoken)
    return table
