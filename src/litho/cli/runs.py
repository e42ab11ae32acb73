"""`litho resume` and `litho report`: runs of any command."""

from pathlib import Path
from typing import Annotated

import typer

from litho.cli.console import Bars
from litho.cli.options import JsonOption


def resume(
    run: Annotated[Path, typer.Argument(help="An interrupted run of any command.")],
    as_json: JsonOption = False,
) -> None:
    """Go on with an interrupted run."""
    from litho import api
    from litho.cli.shown import show

    with Bars() as bars:
        result = api.resume(run, progress=bars)
    show(result, as_json)


def report(run: Annotated[Path, typer.Argument(help="A finished run.")]) -> None:
    """Write the report of a finished run again."""
    from litho import api

    print(api.report(run))
