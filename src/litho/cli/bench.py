"""`litho bench`: ways of presenting a text compared."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from litho.cli.console import Bars, console, print_json
from litho.cli.options import (
    BitsOption,
    DeviceOption,
    DtypeOption,
    JsonOption,
    SetOption,
    SharedOutOption,
    chosen_device,
)
from litho.core.errors import LithoError

if TYPE_CHECKING:
    from litho.jobs.bench.result import BenchResult


def bench(
    name: Annotated[str, typer.Argument(help="What to compare: lithography.")],
    texts: Annotated[Path, typer.Argument(help="Texts with questions and paraphrases, JSONL.")],
    retention: Annotated[Path, typer.Option(help="Unrelated prose on which drift is measured.")],
    out: SharedOutOption,
    decoys: Annotated[
        Path | None,
        typer.Option(
            help="Other prose, on which the decoys are trained.",
            show_default="pages shipped with Litho",
        ),
    ] = None,
    protocol_: Annotated[str, typer.Option("--protocol", help="quick or full.")] = "quick",
    only: Annotated[
        str, typer.Option(help="Arms to do now, separated by commas.", show_default="all")
    ] = "",
    so_far: Annotated[
        bool, typer.Option("--so-far", help="Only show the comparison of what is done.")
    ] = False,
    settings: SetOption = None,
    device: DeviceOption = "auto",
    dtype: DtypeOption = None,
    bits: BitsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compare ways of presenting a text, with rivals and ablations; takes hours."""
    from litho import api
    from litho.cli.shown import show
    from litho.core.config import load_config
    from litho.jobs.bench.config import BenchConfig, protocol

    if name != "lithography":
        raise LithoError(f"unknown benchmark {name!r} (choose from lithography)")
    chosen = load_config(BenchConfig, None, settings or [])
    config = protocol(protocol_).model_copy(
        update={key: getattr(chosen, key) for key in chosen.model_fields_set}
    )
    with Bars() as bars:
        result = api.bench(
            texts,
            retention,
            out,
            decoys=decoys,
            only=[arm.strip() for arm in only.split(",") if arm.strip()],
            so_far=so_far,
            config=config,
            device=chosen_device(device, dtype, bits),
            progress=bars,
        )
    show(result, as_json, out)
    console.print(f"trials and table: {out}", soft_wrap=True)


def show_bench(result: "BenchResult", as_json: bool) -> None:
    """Print the comparison as a table in Markdown."""
    from litho.show.comparison import comparison_table

    if as_json:
        print_json(result)
    else:
        print(comparison_table(result))
