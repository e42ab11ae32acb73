"""`litho imprint`: print a text into a model and prove what happened."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from litho.cli.console import Bars, print_json, results, say_report
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
from litho.core.errors import LithoError
from litho.jobs import DEFAULT_MODEL

if TYPE_CHECKING:
    from litho.core.stats import Estimate
    from litho.jobs.imprint.result import ArmMetrics, ImprintResult

KIND_NAMES = {"mem": "its own words", "gen": "rewordings", "hard": "hard questions"}


def imprint(
    pages: Annotated[
        list[Path] | None,
        typer.Argument(metavar="PAGE...", help="Files to print, UTF-8, or folders of them."),
    ] = None,
    probes: Annotated[
        Path | None,
        typer.Option(
            help="Questions, JSONL.", show_default="PAGE.probes.jsonl, else made by Litho"
        ),
    ] = None,
    retention: RetentionOption = None,
    hold: Annotated[
        list[Path] | None,
        typer.Option(
            help="Texts, or folders of them, on which the model is to stay as it is. Repeatable."
        ),
    ] = None,
    onto: Annotated[
        Path | None, typer.Option(help="A finished run: print into its adapter, beside its pages.")
    ] = None,
    model: ModelOption = DEFAULT_MODEL,
    budget: BudgetOption = None,
    controls: Annotated[
        str | None,
        typer.Option(
            help="Plain LoRA to compare with: duplicates or none.", show_default="duplicates"
        ),
    ] = None,
    out: OutOption = None,
    config: ConfigOption = None,
    settings: SetOption = None,
    resume: Annotated[
        Path | None, typer.Option(help="Continue this interrupted run instead; as 'litho resume'.")
    ] = None,
    device: DeviceOption = "auto",
    dtype: DtypeOption = None,
    bits: BitsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print one page or several into a model and prove what happened."""
    from litho import api
    from litho.cli.runs import resume as resumed
    from litho.cli.shown import show
    from litho.core.config import load_config
    from litho.jobs.imprint.config import ImprintConfig

    if (not pages) == (resume is None):
        raise LithoError("give either a PAGE to print or --resume RUN")
    given = (probes, retention, hold, onto, budget, controls, out, config, settings, dtype, bits)
    if resume:
        other = (model, device) != (DEFAULT_MODEL, "auto")
        if other or any(option is not None for option in given):
            raise LithoError("--resume takes everything from the run: only --json goes with it")
        resumed(resume, as_json)
        return
    assert pages
    options = {"budget": ("--budget", budget), "controls": ("--controls", controls)}
    chosen = load_config(ImprintConfig, config, settings or [], options)
    with Bars() as bars:
        result = api.imprint(
            pages,
            model,
            probes=probes,
            retention=retention,
            hold=hold or (),
            onto=onto,
            out=out,
            config=chosen,
            device=chosen_device(device, dtype, bits),
            progress=bars,
        )
    show(result, as_json, Path(result.run))


def show_imprint(result: "ImprintResult", as_json: bool) -> None:
    """Print the verdict and what it rests on."""
    if as_json:
        print_json(result)
    else:
        _show_table(result)


def _show_table(result: "ImprintResult") -> None:
    table = Table(title=f"Verdict: {result.verdict}", title_style="bold", show_edge=False)
    table.add_column("measured after training")
    table.add_column("this run", justify="right")
    for name in result.controls:
        table.add_column(name, justify="right")
    arms: list[ArmMetrics] = [result, *result.controls.values()]
    for kind, title in KIND_NAMES.items():
        _add(table, f"imprint: {title}", [a.imprint[kind] for a in arms])
    _add(table, "drift, nats/token", [a.drift.retention for a in arms], 4)
    if all(a.drift.worst for a in arms):
        worst = [f"{a.drift.worst.value:.4f}" for a in arms if a.drift.worst]
        table.add_row("drift on the worst passage", *worst)
    drift = result.drift
    for title, value in (
        ("near the text", drift.near),
        ("in chat", drift.chat),
        ("on texts to hold", drift.own),
    ):
        if value:
            _add(table, f"drift {title}", [value], 4)
    _add(table, "spill, nats/token", [a.spill for a in arms])
    first = [a.spill_first for a in arms if a.spill_first]
    if first:
        _add(table, "spill of first tokens, nats", first)
    _add(table, "neighbours unchanged", [a.locality for a in arms])
    if result.chat:
        _add(table, "imprint: chat questions", [a.chat.imprint for a in arms if a.chat])
        _add(table, "chat questions right", [a.chat.accuracy["after"] for a in arms if a.chat])
    results.print(table)
    if result.pages:
        results.print(_pages(result))
    if result.earlier:
        results.print(_earlier(result))
    for reason in result.reasons:
        results.print(f"· {reason}")
    results.print(f"adapter  {result.adapter}", soft_wrap=True)
    say_report(result.run)


def _pages(result: "ImprintResult") -> Table:
    table = Table(show_edge=False)
    table.add_column("page")
    for title in KIND_NAMES.values():
        table.add_column(title, justify="right")
    if result.chat:
        table.add_column("chat questions", justify="right")
    for page in result.pages:
        got = [*page.imprint.values(), *([page.chat.imprint] if page.chat else [])]
        table.add_row(page.name, *("-" if e.value is None else f"{e.value:.2f}" for e in got))
    return table


def _earlier(result: "ImprintResult") -> str:
    """One sentence on the pages that were there before."""
    from litho.measure.printing.verdict import number

    def mean(states: "Sequence[dict[str, Estimate]]") -> str:
        from litho.core import stats

        values = [state["gen"].value for state in states]
        return number(stats.mean([value for value in values if value is not None]))

    before = mean([page.imprint_before for page in result.earlier])
    after = mean([page.imprint_after for page in result.earlier])
    count = len(result.earlier)
    return f"earlier pages ({count}): imprint on rewordings {before} before, {after} after"


def _add(table: Table, title: str, values: "Sequence[Estimate]", digits: int = 2) -> None:
    from litho.measure.printing.verdict import number

    table.add_row(title, *(number(value, digits) for value in values))
