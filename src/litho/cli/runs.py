"""`litho resume` and `litho report`: runs of any command."""

from pathlib import Path
from typing import Annotated

import typer

from litho.cli.console import Bars
from litho.cli.options import JsonOption
from litho.core.errors import LithoError


def resume(
    run: Annotated[Path, typer.Argument(help="An interrupted run of any command.")],
    as_json: JsonOption = False,
) -> None:
    """Go on with an interrupted run."""
    from litho import api
    from litho.cli.shown import show
    from litho.core.runs import PARTIAL

    with Bars() as bars:
        result = api.resume(run, progress=bars)
    run = run.absolute()  # `.` has no name
    final = run.with_name(run.name.removesuffix(PARTIAL))
    try:
        show(result, as_json, final)
    except (ValueError, LookupError) as error:  # what the run had before may be damaged
        reason = f"{type(error).__name__}: {error}"
        raise LithoError(f"the result in {final} cannot be shown ({reason})") from error


def report(
    run: Annotated[Path, typer.Argument(help="A finished run.")],
    language: Annotated[
        str | None,
        typer.Option(help="en or ru.", show_default="LITHO_LANGUAGE, or en"),
    ] = None,
) -> None:
    """Write the report of a finished run again."""
    from litho import api

    print(api.report(run, language=language))
