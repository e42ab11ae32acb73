"""`litho dvc`: runs as stages of a DVC pipeline."""

from pathlib import Path
from typing import Annotated

import typer

from litho.cli.console import results
from litho.cli.once import PASSED_ON
from litho.cli.words import out_of

dvc = typer.Typer(help="Runs as stages of a DVC pipeline.", no_args_is_help=True)


@dvc.command(context_settings=PASSED_ON)
def init(
    command: Annotated[
        list[str],
        typer.Argument(
            metavar="COMMAND...",
            help="A command of Litho with all its options, --out among them.",
        ),
    ],
    name: Annotated[
        str | None, typer.Option(help="Of the stage.", show_default="name of --out")
    ] = None,
    show: Annotated[
        bool, typer.Option("--print", help="Print the stage and write nothing.")
    ] = False,
) -> None:
    """Write a stage into dvc.yaml that runs COMMAND, with what it reads and what it writes."""
    from litho.api.stages import as_yaml, stage_of, write_stage

    out, values = out_of(command)
    stage = stage_of(command, out, values)
    if show:
        print(as_yaml({name or out.name: stage}, out), end="")
        return
    write_stage(Path("dvc.yaml"), name or out.name, stage, out)
    results.print(
        f"dvc.yaml: stage {name or out.name}; 'dvc repro' runs what has changed",
        soft_wrap=True,
    )
