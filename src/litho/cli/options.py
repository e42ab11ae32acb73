"""Options that several commands have."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from litho.cli.console import console
from litho.jobs import DEFAULT_MODEL

if TYPE_CHECKING:
    from litho.jobs.predict.method import Method
    from litho.jobs.spec import Device

ModelOption = Annotated[
    str,
    typer.Option(
        "--model", help=f"{DEFAULT_MODEL}, a folder, a hub id (ORG/NAME@REVISION) or tiny:NAME."
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as one JSON object.")]
OutOption = Annotated[
    Path | None,
    typer.Option("--out", help="Folder of the run; must not exist.", show_default="runs/…"),
]
SharedOutOption = Annotated[
    Path, typer.Option("--out", help="Folder of the run; an unfinished one is continued.")
]
SetOption = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change one setting.")
]
ConfigOption = Annotated[Path | None, typer.Option("--config", help="YAML file of settings.")]
DeviceOption = Annotated[
    str,
    typer.Option(
        "--device", help="auto, cpu, cuda, cuda:N or mps; spread: split the model over all GPUs."
    ),
]
DtypeOption = Annotated[
    str | None,
    typer.Option(
        "--dtype",
        help="Precision of measuring: float32, bfloat16 or float16.",
        show_default="float32 where it fits",
    ),
]
BitsOption = Annotated[
    int | None, typer.Option("--bits", help="Quantise the base model: 4 or 8 bits.")
]
MarksOption = Annotated[
    bool,
    typer.Option(
        "--marks", help="Treat [[...]] as marks and read the first of each; else brackets are text."
    ),
]
RetentionOption = Annotated[
    Path | None,
    typer.Option(help="Unrelated prose on which drift is measured.", show_default="shipped pages"),
]
BudgetOption = Annotated[
    float | None, typer.Option(help="Drift allowed, nats per token.", show_default="0.015")
]
ClusterOption = Annotated[
    str | None,
    typer.Option("--cluster", help="A Ray cluster that does the runs: auto, or its address."),
]
ProcessesOption = Annotated[
    int, typer.Option("--processes", min=1, help="Processes that do the runs on this machine.")
]
MethodOption = Annotated[
    str | None,
    typer.Option("--method", help="first-order or short-run.", show_default="first-order"),
]
PriceOption = Annotated[
    str | None, typer.Option("--price", hidden=True, help="Former name of --method.")
]


def chosen_method(method: str | None, price: str | None) -> "Method":
    """The method that was asked for; says so where it was by a former name."""
    from litho.jobs.predict.method import FORMER, checked_method

    named = checked_method(method or price or "first-order")
    if price or method in FORMER:
        console.print(
            f"note: --price cheap|careful is now --method first-order|short-run: took {named}"
        )
    return named


def chosen_device(name: str, dtype: str | None = None, bits: int | None = None) -> "Device":
    """Where to compute, as the options say. Raises LithoError on what is none of their values."""
    from litho.core.config import make_config
    from litho.jobs.spec import Device

    spread = name == "spread"
    values = {"name": "cuda" if spread else name, "dtype": dtype, "bits": bits, "spread": spread}
    return make_config(Device, values)
