"""`effects` as the command line calls it: the registry across runs."""

import json
from pathlib import Path

from rich.table import Table

from litho.cli.console import results
from litho.core.errors import LithoError
from litho.core.runs import RunDirectory
from litho.jobs.diff import registry
from litho.show.report import write_report


def show_list(as_json: bool) -> None:
    """What was ever judged, effect by effect."""
    tallies = registry.tally(registry.query(registry.opened(registry.registry_path()), ""))
    if as_json:
        print(json.dumps([tally.model_dump() for tally in tallies]))
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


def show_query(expression: str, as_json: bool) -> None:
    """What matches an expression, with its evidence."""
    found = registry.query(registry.opened(registry.registry_path()), expression)
    if as_json:
        print(json.dumps([evidence.model_dump() for evidence in found], ensure_ascii=False))
        return
    table = Table(show_edge=False)
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
        table.add_column(column, justify="right" if column in ("id", "statistic", "p") else "left")
    for e in found:
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
    results.print(f"{len(found)} findings")


def show_one(number: int, as_json: bool) -> None:
    """One finding; its report is written again from the run that holds the evidence."""
    evidence = registry.one(registry.opened(registry.registry_path()), number)
    if evidence is None:
        raise LithoError(f"there is no finding {number}: 'litho effects query \"\"' lists all")
    if not Path(evidence.run).is_dir():
        raise LithoError(f"the evidence of finding {number} is gone: {evidence.run} is not there")
    report = write_report(RunDirectory.opened(Path(evidence.run)))
    if as_json:
        print(json.dumps(evidence.model_dump() | {"report": str(report)}, ensure_ascii=False))
        return
    for name, value in evidence.model_dump().items():
        results.print(f"{name:10} {value}", markup=False, soft_wrap=True)
    results.print(f"report     {report}", markup=False, soft_wrap=True)
