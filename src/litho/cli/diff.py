"""`litho diff`: what training changed on a text, and from which layer on."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.box import SIMPLE_HEAD
from rich.table import Table

from litho.cli.console import Bars, print_json, results, say_notices, say_report
from litho.cli.options import (
    BitsOption,
    ConfigOption,
    DeviceOption,
    DtypeOption,
    JsonOption,
    MarksOption,
    OutOption,
    SetOption,
    chosen_device,
)
from litho.jobs import DEFAULT_MODEL

if TYPE_CHECKING:
    from litho.jobs.diff.result import AlignedResult, DiffResult, JudgedEffect


def diff(
    text: Annotated[Path, typer.Argument(help="The text to read, UTF-8.")],
    after: Annotated[
        str, typer.Option(help="Folder of a LoRA adapter, MODEL+ADAPTER_DIR, or another model.")
    ],
    before: Annotated[
        str, typer.Option(help="A model, as --model elsewhere, or MODEL+ADAPTER_DIR.")
    ] = DEFAULT_MODEL,
    unseen: Annotated[
        Path | None, typer.Option(help="A text that training never saw, for comparison.")
    ] = None,
    unrelated: Annotated[
        Path | None,
        typer.Option(help="A text to train on, for comparison: what would any training change?"),
    ] = None,
    behaviour: Annotated[
        bool, typer.Option("--behaviour", help="Also generate text, to measure loops and spill.")
    ] = False,
    marks: MarksOption = False,
    out: OutOption = None,
    config: ConfigOption = None,
    settings: SetOption = None,
    device: DeviceOption = "auto",
    dtype: DtypeOption = None,
    bits: BitsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what training changed on a text, and from which layer on."""
    from litho import api
    from litho.cli.shown import show
    from litho.core.config import load_config
    from litho.jobs.diff.config import DiffConfig

    chosen = load_config(
        DiffConfig, config, settings or [], {"behaviour": ("--behaviour", behaviour or None)}
    )
    with Bars() as bars:
        result = api.diff(
            text,
            after,
            before,
            unseen=unseen,
            unrelated=unrelated,
            marks=marks,
            out=out,
            config=chosen,
            device=chosen_device(device, dtype, bits),
            progress=bars,
        )
    show(result, as_json, Path(result.run))


def show_diff(result: "DiffResult | AlignedResult", as_json: bool) -> None:
    """Print what changed, and what of it is beyond chance."""
    from litho.jobs.diff.result import AlignedResult
    from litho.show.wording import aligned_sentence

    if as_json:
        print_json(result)
        return
    if isinstance(result, AlignedResult):
        results.print(aligned_sentence(result.aligned))
    else:
        _show_difference(result)
    say_notices(result.notices)
    say_report(result.run)


def _show_difference(result: "DiffResult") -> None:
    from litho.show.wording import control_sentence, onset_sentence, unseen_sentence

    results.print(
        f"{result.tokens} tokens; next-token prediction moved by {result.kl.mean:.4f} nats on "
        f"average, {result.kl.max:.2f} at most"
    )
    results.print(onset_sentence(result.onset))
    beyond_training = control_sentence(result.onset)
    if beyond_training:
        results.print(beyond_training)
    if result.effects:
        results.print(_effects_table(result.effects, bool(beyond_training)))
    if result.unseen:
        results.print(unseen_sentence(result.unseen))


def _effects_table(judged: "Sequence[JudgedEffect]", controlled: bool) -> Table:
    """Narrow enough for 80 columns; the report has all nulls."""
    table = Table(show_edge=False, box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    columns = ["p, chance", "p, training"] if controlled else ["by chance (95 %)", "p"]
    for column in ("effect", "statistic", *columns, "beyond"):
        side: Literal["left", "right"] = "left" if column in ("effect", "beyond") else "right"
        table.add_column(column, justify=side, no_wrap=True)
    for effect in judged:
        low, high = effect.null
        nulls = [] if controlled else [f"{low:.2g} to {high:.2g}"]
        both = (effect, effect.control)
        p = [f"{each.p:.1g}" if each else "" for each in both[: 1 + controlled]]
        kinds = zip(("chance", "training"), both, strict=True)
        beyond = [name for name, each in kinds if each and each.found]
        table.add_row(effect.name, f"{effect.statistic:.3g}", *nulls, *p, ", ".join(beyond))
    return table
