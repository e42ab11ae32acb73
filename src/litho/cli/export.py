"""`litho export` and `litho push`: a printed model for other programs."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from litho.cli.console import console, print_json, results
from litho.cli.options import JsonOption
from litho.core.errors import LithoError

if TYPE_CHECKING:
    from litho.jobs.export.result import ExportResult, Precision, PushPlan

RunArgument = Annotated[Path, typer.Argument(help="A finished run with an adapter.")]


def export(
    run: RunArgument,
    out: Annotated[Path, typer.Option("--out", help="Folder of the model; must not exist.")],
    dtype: Annotated[
        str, typer.Option("--dtype", help="Of the weights: float32, bfloat16 or float16.")
    ] = "float32",
    gguf: Annotated[
        str | None,
        typer.Option(
            "--gguf",
            metavar="TYPE",
            help="Also a GGUF file, by llama.cpp's converter: f32, f16, bf16, q8_0 or auto.",
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Write the model of a run, its adapter merged, with a model card."""
    from litho import api

    with console.status("merging and comparing"):
        result = api.export(run, out, dtype=cast("Precision", dtype), gguf=gguf)
    if as_json:
        print_json(result)
    else:
        _show(result)


def _show(result: "ExportResult") -> None:
    lines = [
        f"same     logits within {result.logit_difference:.2g} of base and adapter; as written "
        f"({result.dtype}) {result.kl:.2g} nats a token away, on {result.tokens} tokens",
        f"licence  {result.licence or 'not known: look it up before you hand the model on'}",
        f"model    {result.folder} ({in_bytes(result.size)})",
    ]
    if result.gguf:
        lines.append(f"gguf     {result.gguf}")
    for line in lines:
        results.print(line, soft_wrap=True)


def in_bytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB" if size >= 1e5 else f"{size / 1e3:.1f} kB"


def push(
    run: RunArgument,
    repository: Annotated[str, typer.Argument(metavar="ORG/NAME", help="Repository on the hub.")],
    merged: Annotated[
        bool, typer.Option("--merged", help="The merged model instead of the adapter.")
    ] = False,
    pages: Annotated[
        bool, typer.Option("--pages", help="Also the printed pages and the report.")
    ] = False,
    public: Annotated[
        bool, typer.Option("--public", help="A new repository can be read by everyone.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Upload without asking.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Upload the adapter of a run and a model card to the hub; says first what would go there."""
    from litho.jobs.export.push import packed

    with packed(run, repository, public=public, merged=merged, pages=pages) as parcel:
        _say(parcel.plan)
        if not yes:
            _ask()
        result = parcel.send()
    if as_json:
        print_json(result)
    else:
        results.print(f"hub      {result.url}", soft_wrap=True)


def _say(plan: "PushPlan") -> None:
    """On standard error: what would leave this machine."""
    kind = "public" if plan.public else "private"
    lines = [f"to be uploaded to {plan.repository} ({kind} if it is new):"]
    lines += [f"  {file.name}  {in_bytes(file.size)}" for file in plan.files]
    for line in (*lines, *(f"note: {notice}" for notice in plan.notices)):
        console.print(line, soft_wrap=True)


def _ask() -> None:
    """Raises LithoError unless the user agrees."""
    if not sys.stdin.isatty():
        raise LithoError("nothing was uploaded: add --yes to upload this")
    try:
        said = console.input("upload? [y/N] ", markup=False)
    except EOFError:
        said = ""
    if said.strip().lower() not in ("y", "yes"):
        raise LithoError("nothing was uploaded")
