"""`litho roles`: what each role of a school can do, and what they can do in turn."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from litho.cli.console import Bars, print_json, results, say_notices, say_report
from litho.cli.options import DeviceOption, JsonOption, OutOption, SetOption, chosen_device

if TYPE_CHECKING:
    from litho.jobs.roles.result import RolesResult


def roles(
    run: Annotated[Path, typer.Argument(help="A finished run of 'litho school'.")],
    out: OutOption = None,
    settings: SetOption = None,
    device: DeviceOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """Train an adapter for each role of a school, try each, and let them hand over."""
    from litho import api
    from litho.cli.shown import show
    from litho.core.config import load_config
    from litho.jobs.roles.config import RolesConfig

    with Bars() as bars:
        result = api.roles(
            run,
            out=out,
            device=chosen_device(device),
            config=load_config(RolesConfig, None, settings or []),
            progress=bars,
        )
    show(result, as_json, Path(result.run))


def show_roles(result: "RolesResult", as_json: bool) -> None:
    """Print what is said first, then who can do what, and what hand-overs gain."""
    if as_json:
        print_json(result)
        return
    results.print(result.said)
    results.print(_matrix(result))
    results.print(_handovers(result))
    say_notices(result.notices)
    say_report(result.run)


def _matrix(result: "RolesResult") -> Table:
    from litho.show.wording import cell

    table = Table(show_edge=False, title="right answers by role")
    table.add_column("test")
    columns = {**result.matrix, "single": result.single.matrix}
    for name in columns:
        table.add_column(name, justify="right")
    for test in result.matrix["base"]:
        table.add_row(test, *(cell(row[test]) for row in columns.values()))
    return table


def _handovers(result: "RolesResult") -> Table:
    from litho.show.wording import cell

    table = Table(show_edge=False, title="who has the last word")
    table.add_column("policy")
    for name in ("handed over", "right", "gain", "one adapter", "roles less one"):
        table.add_column(name, justify="right")
    for policy, found in result.transitions.items():
        table.add_row(
            policy,
            cell(found.handed),
            cell(found.right),
            cell(found.gain),
            cell(result.single.transitions[policy].right),
            cell(result.difference[policy]),
        )
    return table
