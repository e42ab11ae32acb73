"""`litho rewrite`: a data set, or the next presentations of pages, from a model's own answers."""

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
    from litho.core.stats import Estimate
    from litho.jobs.reprint.result import ArmResult as PrintedArm
    from litho.jobs.reprint.result import ReprintResult
    from litho.jobs.rewrite.result import ArmResult, RewriteResult, Version

SchoolArgument = Annotated[Path, typer.Argument(metavar="RUN", help="A run of litho school.")]
RunArgument = Annotated[
    Path, typer.Argument(metavar="RUN", help="A run of litho school, or of litho imprint.")
]


def rewrite(
    run: RunArgument,
    out: SharedOutOption,
    rounds: Annotated[
        int | None, typer.Option(min=1, help="Rounds.", show_default="of the genome, else 3")
    ] = None,
    arms: Annotated[
        str | None,
        typer.Option(
            help="What is compared at equal tokens, with commas: accumulate, replace, agreement, "
            "oracle, more_books, re_read, journal, random_spans; of printed pages: rewrite, more.",
            show_default="of the genome, else the first",
        ),
    ] = None,
    settings: SetOption = None,
    device: DeviceOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """Rewrite what a model reads from its own answers and failures, and train on, by rounds."""
    from litho import api
    from litho.api.rewriting import prints_pages
    from litho.cli.shown import show
    from litho.core.config import load_config
    from litho.jobs.reprint.config import ReprintConfig
    from litho.text.school.rewriting.settings import Rewrite

    pages = prints_pages(run)
    listed = [name.strip() for name in arms.split(",")] if arms else None
    options = {"rounds": ("--rounds", rounds), "arms": ("--arms", listed)}
    given, place = (settings or [], options), chosen_device(device)
    result: RewriteResult | ReprintResult
    with Bars() as bars:
        if pages:
            printing = load_config(ReprintConfig, None, *given)
            result = api.rewrite_pages(run, out, device=place, config=printing, progress=bars)
        else:
            config = load_config(Rewrite, None, *given)
            result = api.rewrite(run, out, device=place, config=config, progress=bars)
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
        results.print(f"data     {first.rounds[-1].version}", soft_wrap=True)
        results.print(f"model    {first.model}", soft_wrap=True)
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


def show_reprint(result: "ReprintResult", as_json: bool) -> None:
    """Print what each arm of printed pages was after each of its rounds."""
    if as_json:
        print_json(result)
        return
    for arm in result.arms.values():
        results.print(_printed(arm, result))
    best = next(iter(result.arms.values()))
    results.print(f"adapter  {best.adapter}", soft_wrap=True)
    say_notices(result.notices)
    say_report(result.run)


def _printed(arm: "PrintedArm", result: "ReprintResult") -> Table:
    table = Table(title=f"{arm.arm} (best: {arm.best})", show_edge=False)
    for column in ("round", "failed", "added", "dropped", *result.before):
        table.add_column(column, justify="right")
    table.add_row("0", "-", "-", "-", *(_said(name, e) for name, e in result.before.items()))
    for version in arm.rounds:
        counts = (version.number, version.failed, version.added, version.dropped)
        tests = (_said(name, each) for name, each in version.tests.items())
        table.add_row(*map(str, counts), *tests)
    return table


def _said(test: str, estimate: "Estimate") -> str:
    digits = 4 if test == "drift" else 2
    return "-" if estimate.value is None else f"{estimate.value:.{digits}f}"
