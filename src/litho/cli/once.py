"""`litho once`: a command that may be given again and again."""

from typing import Annotated

import typer

from litho.cli.words import out_of

PASSED_ON = {"allow_interspersed_args": False}  # options belong to the command that is run


def once(
    command: Annotated[
        list[str],
        typer.Argument(metavar="COMMAND...", help="A command with all its options, --out, too."),
    ],
) -> None:
    """Run COMMAND once: nothing if its --out is finished, the rest if it was interrupted."""
    from litho.api.runs import once as only_once
    from litho.cli.main import app

    out_of(command)
    with only_once():
        code = app(command, standalone_mode=False)
    if code not in (None, 0, 1):  # 1: finished, with a verdict that is negative
        raise typer.Exit(code)
