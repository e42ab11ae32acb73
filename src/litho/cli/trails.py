"""`litho trails`: chains of reasoning printed into a model, and tested."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from litho.cli.console import Bars, print_json, results, say_notices, say_report
from litho.cli.options import (
    BitsOption,
    BudgetOption,
    ConfigOption,
    DeviceOption,
    DtypeOption,
    JsonOption,
    ModelOption,
    OutOption,
    RetentionOption,
    SetOption,
    chosen_device,
)
from litho.cli.trails_graph import graph
from litho.core.errors import LithoError
from litho.jobs import DEFAULT_MODEL

if TYPE_CHECKING:
    from litho.core.stats import Estimate
    from litho.jobs.trails.result import CaptureNumbers, CaptureResult, PrintResult

trails = typer.Typer(help="Print chains of reasoning, and test them.", no_args_is_help=True)

LibraryArgument = Annotated[
    Path, typer.Argument(metavar="TRAILS", help="A library of trails, YAML; 'init' writes one.")
]
ExternalOption = Annotated[
    list[Path] | None,
    typer.Option(
        help="Questions with premises, JSONL: context, question, choices, answer. Repeatable."
    ),
]
AloneOption = Annotated[
    bool, typer.Option("--alone", help="Accept a library of a single form.", show_default=False)
]


@trails.command()
def init(
    trails: Annotated[Path, typer.Argument(help="The file to write; must not exist.")],
) -> None:
    """Write the library that comes with Litho: 20 forms in 5 wordings each, with near-misses."""
    from litho.text.trails.library import starter

    _write(trails, starter())
    results.print(f"trails   {trails}", soft_wrap=True)


def _write(path: Path, library: str) -> None:
    from litho.core.files import check_new, whole_file

    check_new(path)
    with whole_file(path) as half:
        half.write_text(library, encoding="utf-8")


@trails.command()
def find(
    text: Annotated[Path, typer.Argument(metavar="TEXT", help="An English text.")],
    out: Annotated[
        Path | None, typer.Option(help="Write a library with its conditions; must not exist.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show the sentences of a text that say what follows from what, and make a library of them."""
    from litho.text.documents import read_text
    from litho.text.trails.candidates import Candidates, candidates, library_of

    found = candidates(read_text(text))
    if not found:
        raise LithoError(f"{text} has no sentence with if, because, therefore and the like")
    if out:
        _write(out, library_of(found, text.name))
    if as_json:
        print_json(Candidates(text_name=text.name, candidates=tuple(found)))
        return
    table = Table(show_edge=False)
    for column in ("kind", "given", "connective", "what follows"):
        table.add_column(column)
    for each in found:
        table.add_row(each.kind, each.given, each.connective, each.follows)
    results.print(table)
    if out:
        results.print(f"trails   {out}", soft_wrap=True)


@trails.command("print")
def print_(
    trails: LibraryArgument,
    model: ModelOption = DEFAULT_MODEL,
    channels: Annotated[
        str | None, typer.Option(help="What is trained: qk, qkvo, mlp or all.", show_default="qk")
    ] = None,
    objective: Annotated[
        str | None,
        typer.Option(
            help="What is asked: answer, text, routing, routing+answer or teacher.",
            show_default="answer",
        ),
    ] = None,
    budget: BudgetOption = None,
    external: ExternalOption = None,
    retention: RetentionOption = None,
    alone: AloneOption = False,
    out: OutOption = None,
    config: ConfigOption = None,
    settings: SetOption = None,
    device: DeviceOption = "auto",
    dtype: DtypeOption = None,
    bits: BitsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print trails into a model, and test whether new text follows them."""
    from litho import api
    from litho.cli.shown import show
    from litho.core.config import load_config
    from litho.jobs.trails.config import PrintConfig

    options = {
        "channels": ("--channels", channels),
        "objective": ("--objective", objective),
        "budget": ("--budget", budget),
    }
    chosen = load_config(PrintConfig, config, settings or [], options)
    with Bars() as bars:
        result = api.print_trails(
            trails,
            model,
            external=external or (),
            retention=retention,
            alone=alone,
            out=out,
            config=chosen,
            device=chosen_device(device, dtype, bits),
            progress=bars,
        )
    show(result, as_json, Path(result.run))


@trails.command()
def test(
    trails: LibraryArgument,
    model: ModelOption = DEFAULT_MODEL,
    adapter: Annotated[
        Path | None, typer.Option(help="PEFT adapter to test; without it the model itself.")
    ] = None,
    budget: BudgetOption = None,
    external: ExternalOption = None,
    retention: RetentionOption = None,
    alone: AloneOption = False,
    out: OutOption = None,
    config: ConfigOption = None,
    settings: SetOption = None,
    device: DeviceOption = "auto",
    dtype: DtypeOption = None,
    bits: BitsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Test whether a model, or an adapter on it, follows the trails of a library."""
    from litho import api
    from litho.cli.shown import show
    from litho.core.config import load_config
    from litho.jobs.trails.config import CaptureConfig

    chosen = load_config(CaptureConfig, config, settings or [], {"budget": ("--budget", budget)})
    with Bars() as bars:
        result = api.test_trails(
            trails,
            model,
            adapter=adapter,
            external=external or (),
            retention=retention,
            alone=alone,
            out=out,
            config=chosen,
            device=chosen_device(device, dtype, bits),
            progress=bars,
        )
    show(result, as_json, Path(result.run))


trails.command()(graph)


def show_printed(result: "PrintResult", as_json: bool) -> None:
    """Print the verdict, what it rests on, and where the adapter is."""
    if as_json:
        print_json(result)
        return
    _show_numbers(result)
    results.print(f"adapter  {result.adapter}", soft_wrap=True)
    say_notices(result.notices)
    say_report(result.run)


def show_capture(result: "CaptureResult", as_json: bool) -> None:
    """Print the verdict and what it rests on."""
    if as_json:
        print_json(result)
        return
    _show_numbers(result)
    say_notices(result.notices)
    say_report(result.run)


def _show_numbers(result: "CaptureNumbers") -> None:
    from litho.show.figures.trails import CELL_NAMES

    table = Table(title=f"Verdict: {result.verdict}", title_style="bold", show_edge=False)
    table.add_column("asked with")
    for column in ("kappa before", "kappa after", "D before", "D after"):
        table.add_column(column, justify="right")
    for name, cell in result.cells.items():
        values = (cell.kappa_before, cell.kappa, cell.d_before, cell.d)
        table.add_row(CELL_NAMES[name], *(_said(value) for value in values))
    results.print(table)
    for title, value, digits in (
        ("selectivity", result.selectivity, 2),
        ("wrong capture, nats", result.wrong_capture, 2),
        ("drift, nats per token", result.drift.retention, 4),
    ):
        if value:
            results.print(f"{title}: {_said(value, digits)}")
    for each in result.external:
        shares = (_said(each.premises[state]) for state in ("before", "after"))
        results.print(f"{each.name}: {' → '.join(shares)} right")
    for reason in result.reasons:
        results.print(f"· {reason}")


def _said(value: "Estimate", digits: int = 2) -> str:
    from litho.show.wording import cell

    return cell(value, digits)
