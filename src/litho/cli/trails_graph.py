"""`litho trails graph`: from token to output, in one context."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from litho.cli.console import Bars, print_json, results, say_notices, say_report
from litho.cli.options import (
    BitsOption,
    DeviceOption,
    DtypeOption,
    JsonOption,
    ModelOption,
    OutOption,
    chosen_device,
)
from litho.jobs import DEFAULT_MODEL

if TYPE_CHECKING:
    from litho.jobs.trails.result import GraphReading, GraphResult

SHOWN = 8  # edges of a graph


def graph(
    context: Annotated[str, typer.Argument(help="What stands in front of the answer.")],
    answers: Annotated[
        tuple[str, str],
        typer.Option(metavar="A B", help="Two answers; why is the first one preferred?"),
    ],
    model: ModelOption = DEFAULT_MODEL,
    adapter: Annotated[
        Path | None, typer.Option(help="PEFT adapter: the graph also with it.")
    ] = None,
    near_miss: Annotated[
        str | None, typer.Option(help="Another context: the graph also behind it.")
    ] = None,
    out: OutOption = None,
    device: DeviceOption = "auto",
    dtype: DtypeOption = None,
    bits: BitsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show how one answer comes to be preferred to another: token, attention, shift, output."""
    from litho import api
    from litho.cli.shown import show

    with Bars() as bars:
        result = api.graph_trails(
            context,
            answers,
            model,
            adapter=adapter,
            near_miss=near_miss,
            out=out,
            device=chosen_device(device, dtype, bits),
            progress=bars,
        )
    show(result, as_json, Path(result.run))


def show_graph(result: "GraphResult", as_json: bool) -> None:
    """Print the strongest edges of each graph, and how far they can be relied on."""
    if as_json:
        print_json(result)
        return
    for reading in result.graphs:
        _show_edges(reading, result.answers)
    say_notices(result.notices)
    say_report(result.run)


def _show_edges(reading: "GraphReading", answers: tuple[str, str]) -> None:
    from litho.show.graph import preference_sentence, relied_sentence, title, visible

    table = Table(title=title(reading), title_style="bold", show_edge=False)
    for column in ("from", "to"):
        table.add_column(column)
    for column in ("layer.head", "attention", "nats"):
        table.add_column(column, justify="right")
    words = [visible(token.text) for token in reading.tokens]
    for edge in reading.edges[:SHOWN]:
        place = f"{edge.layer}.{edge.head}"
        numbers = (f"{edge.share:.2f}", f"{edge.value:+.3f}")
        table.add_row(words[edge.source], words[edge.target], place, *numbers)
    results.print(table)
    for sentence in (preference_sentence(reading, answers), relied_sentence(reading)):
        results.print(sentence)
