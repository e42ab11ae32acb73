"""`litho effects`: what was ever judged, over all runs."""

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from litho.cli.console import results
from litho.cli.options import JsonOption
from litho.cli.output import json_text
from litho.core.errors import LithoError

effects = typer.Typer(help="The effects that all runs of diff judged.", no_args_is_help=True)


@effects.command("list")
def list_(as_json: JsonOption = False) -> None:
    """Every effect: how often judged and found, replications, contradictions."""
    from litho.jobs.diff import registry

    tallies = registry.tally(registry.query(registry.opened(registry.registry_path()), ""))
    if as_json:
        print(json_text([tally.model_dump() for tally in tallies]))
        return
    if not tallies:
        results.print("nothing has been judged yet: 'litho diff' does")
        return
    table = Table(show_edge=False)
    columns = ("judged", "found", "replications", "models", "contradictions")
    table.add_column("effect")
    for column in columns:
        table.add_column(column, justify="right")
    for tally in tallies:
        table.add_row(tally.effect, *(str(getattr(tally, column)) for column in columns))
    results.print(table)


@effects.command()
def query(
    expression: Annotated[
        str, typer.Argument(help="Such as: entropy_collapse and found and model=bundled:*")
    ],
    as_json: JsonOption = False,
) -> None:
    """Findings that match all terms of an expression."""
    from litho.jobs.diff import registry

    matches = registry.query(registry.opened(registry.registry_path()), expression)
    if as_json:
        print(json_text([evidence.model_dump() for evidence in matches]))
        return
    table = Table(show_edge=False)
    numbers = ("id", "statistic", "p")
    for column in (
        "id",
        "effect",
        "found",
        "statistic",
        "by chance",
        "p",
        "model",
        "text",
        "change",
    ):
        table.add_column(column, justify="right" if column in numbers else "left")
    for e in matches:
        table.add_row(
            str(e.id),
            e.effect,
            "yes" if e.found else "no",
            f"{e.statistic:.4g}",
            f"{e.low:.3g} to {e.high:.3g}",
            f"{e.p:.2g}",
            e.model,
            e.text,
            Path(e.change).name or e.change,
        )
    results.print(table)
    results.print("1 finding" if len(matches) == 1 else f"{len(matches)} findings")


@effects.command()
def show(
    number: Annotated[int, typer.Argument(help="The id that 'effects query' shows.")],
    as_json: JsonOption = False,
) -> None:
    """One finding with its evidence; the run's report is written again."""
    from litho import api
    from litho.jobs.diff import registry

    evidence = registry.one(registry.opened(registry.registry_path()), number)
    if evidence is None:
        raise LithoError(f"there is no finding {number}: 'litho effects query \"\"' lists all")
    if not Path(evidence.run).is_dir():
        raise LithoError(f"the evidence of finding {number} is gone: {evidence.run} is not there")
    report = api.report(Path(evidence.run))
    if as_json:
        print(json_text(evidence.model_dump() | {"report": str(report)}))
        return
    for name, value in evidence.model_dump().items():
        results.print(f"{name:10} {value}", soft_wrap=True)
    results.print(f"report     {report}", soft_wrap=True)
