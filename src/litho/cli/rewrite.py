"""`litho rewrite`: a data set rewritten from a model's own answers."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from litho.cli.console import Bars, print_json, results, say_notices, say_report
from litho.cli.options import (
    DeviceOption,
    JsonOption,
    SetOption,
    SharedOutOption,
    chosen_device,
)

if TYPE_CHECKING:
    from litho.jobs.rewrite.result import ArmResult, RewriteResult, Version

SchoolArgument = Annotated[Path, typer.Argument(metavar="RUN", help="A run of litho school.")]


def rewrite(
    run: SchoolArgument,
    out: SharedOutOption,
    rounds: Annotated[
        int | None, typer.Option(min=1, help="Rounds.", show_default="of the genome, else 3")
    ] = None,
    arms: Annotated[
        str | None,
        typer.Option(
            help="What is compared at equal tokens, with commas: accumulate, replace, agreement, "
            "oracle, more_books, re_read, journal, random_spans.",
            show_default="of the genome, else accumulate",
        ),
    ] = None,
    settings: SetOption = None,
    device: DeviceOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """Rewrite a school's data set from its answers and failures, and train on, round by round."""
    from litho import api
    from litho.cli.shown import show
    from litho.core.config import load_config
    from litho.text.school.rewriting.settings import Rewrite

    listed = [name.strip() for name in arms.split(",")] if arms else None
    options = {"rounds": ("--rounds", rounds), "arms": ("--arms", listed)}
    with Bars() as bars:
        result = api.rewrite(
            run,
            out,
            device=chosen_device(device),
            config=load_config(Rewrite, None, settings or [], options),
            progress=bars,
        )
    show(result, as_json, Path(result.run))


def show_rewrite(result: "RewriteResult", as_json: bool) -> None:
    """Print every round of every arm, and what each arm gained."""
    if as_json:
        print_json(result)
        return
    for arm in result.arms.values():
        if arm.rounds:
            results.print(_rounds(arm))
    if any(arm.gained for arm in result.arms.values()):
        results.print(_gained(result))
    first = next(iter(result.arms.values()))
    if first.rounds:
        results.print(f"data     {first.rounds[-1].version}", soft_wrap=True, markup=False)
        results.print(f"model    {first.model}", soft_wrap=True, markup=False)
    say_notices(result.notices)
    say_report(result.run)


def _rounds(arm: "ArmResult") -> Table:
    table = Table(title=arm.arm, show_edge=False)
    columns = ("round", "asked", "right", "failed", "added", "dropped", "texts", "refused", "share")
    for column in columns:
        table.add_column(column, justify="right")
    for version in arm.rounds:
        table.add_row(*_row(version))
    return table


def _row(version: "Version") -> list[str]:
    right = "-" if version.right is None else f"{version.right:.2f}"
    counts = (version.failed, version.added, version.dropped, version.entries)
    refused = sum(version.refused.values())
    return [
        str(version.number),
        str(version.asked),
        right,
        *map(str, counts),
        str(refused),
        f"{version.rewritten:.0%}",
    ]


def _gained(result: "RewriteResult") -> Table:
    """Right answers at the end less those of the school."""
    kinds = list(dict.fromkeys(kind for arm in result.arms.values() for kind in arm.gained))
    table = Table(title="right answers, less those of the school", show_edge=False)
    table.add_column("asked")
    for arm in result.arms:
        table.add_column(arm, justify="right")
    for kind in kinds:
        gains = [arm.gained.get(kind) for arm in result.arms.values()]
        table.add_row(kind, *("-" if gain is None else f"{gain:+.2f}" for gain in gains))
    return table
