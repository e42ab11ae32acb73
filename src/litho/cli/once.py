"""`litho once`: a command that may be given again and again."""

import typer

from litho.cli.words import out_of

# All words belong to the command that is run.
PASSED_ON = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}


def once(
    context: typer.Context,
) -> None:
    """Run COMMAND once: nothing if its --out is finished, the rest if it was interrupted."""
    from litho.api.runs import once as only_once
    from litho.cli.main import app

    out_of(context.args)
    with only_once():
        code = app(context.args, standalone_mode=False)
    if code not in (None, 0, 1):  # 1: finished, with a verdict that is negative
        raise typer.Exit(code)
