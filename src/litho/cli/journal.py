"""`litho journal`: which spans were hard for a school's model, and what mended it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from litho.cli.console import Bars, print_json, results, say_notices, say_report
from litho.cli.options import DeviceOption, JsonOption, OutOption, SetOption, chosen_device
from litho.cli.rewrite import SchoolArgument

if TYPE_CHECKING:
    from litho.jobs.journal.result import JournalResult

SHOWN = 10  # spans in the terminal


def journal(
    run: SchoolArgument,
    out: OutOption = None,
    by: Annotated[
        str | None,
        typer.Option(
            help="loss_jump, forgetting or contradiction.",
            show_default="of the genome, else loss_jump",
        ),
    ] = None,
    top: Annotated[
        int | None,
        typer.Option(min=1, help="How many of each.", show_default="of the genome, else 20"),
    ] = None,
    settings: SetOption = None,
    device: DeviceOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """Which sentences a school's model stumbled over from stage to stage, and what mended it."""
    from litho import api
    from litho.cli.shown import show
    from litho.core.config import load_config
    from litho.text.school.rewriting.settings import Journal

    options: dict[str, tuple[str, object]] = {"by": ("--by", by), "top": ("--top", top)}
    with Bars() as bars:
        result = api.journal(
            run,
            out=out,
            device=chosen_device(device),
            config=load_config(Journal, None, settings or [], options),
            progress=bars,
        )
    show(result, as_json, Path(result.run))


def show_journal(result: "JournalResult", as_json: bool) -> None:
    """Print the hardest spans of the kind that was asked for."""
    if as_json:
        print_json(result)
        return
    table = Table(title=f"hardest of {result.spans:,} spans by {result.by}", show_edge=False)
    table.add_column("nats", justify="right")
    for column in ("where", "border", "mended after", "text"):
        table.add_column(column)
    for hard in result.hardest[result.by][:SHOWN]:
        span = hard.span
        where = f"{span.book}#{span.section}" if span.section else span.scene or span.kind
        border = " → ".join(hard.border) if hard.border else "-"
        table.add_row(f"{hard.value:.2f}", where, border, hard.mended or "-", span.text)
    results.print(table)
    if result.mended is not None:
        results.print(f"{result.mended:.0%} of the hardest jumps were mended by a later stage")
    say_notices(result.notices)
    say_report(result.run)
