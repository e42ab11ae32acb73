"""`map`, `vary` and `diff` as the command line calls them."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from litho.cli.console import Bars, results
from litho.core.config import load_config
from litho.core.runs import RunDirectory, whole_or_nothing
from litho.jobs.diff import registry
from litho.jobs.diff.config import DiffConfig, OtherText
from litho.jobs.diff.record import record
from litho.jobs.diff.result import AlignedResult, DiffResult
from litho.jobs.diff.run import diff_text
from litho.jobs.expose.config import ExposeConfig
from litho.jobs.expose.result import ExposeResult
from litho.jobs.expose.run import expose_text
from litho.jobs.map.run import map_text
from litho.jobs.vary.config import VaryConfig
from litho.jobs.vary.run import vary_text
from litho.show.report import write_report
from litho.show.wording import (
    aligned_sentence,
    cell,
    control_sentence,
    onset_sentence,
    pairs_of,
    unseen_sentence,
)
from litho.text.documents import read_text
from litho.text.markup import read_plain
from litho.text.shipped import shipped_retention

Form = Literal["table", "json", "lines"]


def vary(
    text: Path,
    model: str,
    out: Path,
    config: Path | None,
    assignments: Sequence[str],
    form: Form,
) -> None:
    """Make variants and a ladder, write their run and show them."""
    content = read_text(text).strip()
    chosen = load_config(VaryConfig, config, assignments)
    with Bars() as bars:
        run = vary_text(content, text.name, model, chosen, out, bars)
    found = _finish(run)
    if form == "json":
        print(json.dumps(found, ensure_ascii=False))
    elif form == "lines":
        for kind, item in _lines(found):
            print(json.dumps({"kind": kind} | item, ensure_ascii=False))
    else:
        _show_variants(found)
        _say_report(run)


def _lines(found: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """What was found, one thing a line."""
    yield "depth", found["depth"]
    for key, kind in (
        ("variants", "variant"),
        ("refused", "refused"),
        ("ladder", "rung"),
        ("cliffs", "cliff"),
    ):
        for item in found[key]:
            yield kind, item


def _show_variants(found: dict[str, Any]) -> None:
    table = Table(show_edge=False)
    for column in ("operator", "mean KL", "new surprise", "changed"):
        table.add_column(column, justify="left" if column in ("operator", "changed") else "right")
    for variant in found["variants"]:
        volatility = variant["volatility"]
        changed = "; ".join(new.strip() for _, _, new in variant["diff"][:4] if new.strip())
        table.add_row(
            variant["operator"],
            f"{volatility['mean_kl']:.3f}",
            f"{volatility['max_surprise']:.1f}",
            escape(changed[:60].replace("\n", " ")),
        )
    results.print(table)
    results.print(f"{len(found['variants'])} variants, {len(found['refused'])} refused")
    if found["ladder"]:
        bridged = sum(cliff["bridge"] is not None for cliff in found["cliffs"])
        results.print(
            f"ladder: {len(found['ladder'])} rungs, {len(found['cliffs'])} cliffs, "
            f"{bridged} of them bridged"
        )
    _say_notices(found)
    layers = ", ".join(map(str, found["depth"]["layers"]))
    results.print(f"layers {layers}: {found['depth']['reason']}", soft_wrap=True)


def show_map(
    text: Path, model: str, adapter: Path | None, gradients: bool, out: Path, as_json: bool
) -> None:
    """Read a text, write its run and show the layers."""
    content = read_plain(text)
    with Bars() as bars:
        run = map_text(content, text.name, model, adapter, gradients, out, bars)
    found = _finish(run)
    if as_json:
        print(json.dumps(found, ensure_ascii=False))
        return
    table = Table(show_edge=False)
    keys = [key for key in found["layers"][0] if key != "layer"]
    for column in ("layer", *keys):
        table.add_column(column.replace("_", " "), justify="right")
    for layer in found["layers"]:
        table.add_row(str(layer["layer"]), *(f"{layer[key]:.3g}" for key in keys))
    results.print(table)
    results.print(
        f"{found['tokens']} tokens, mean surprise {found['surprise']['mean']:.3f} nats, "
        f"first guess right {100 * found['top1']:.1f} %"
    )
    _say_notices(found)
    _say_report(run)


def show_diff(
    text: Path,
    before: str,
    after: str,
    unseen: Path | None,
    unrelated: Path | None,
    out: Path,
    config: Path | None,
    assignments: Sequence[str],
    as_json: bool,
) -> None:
    """Compare two states on a text, write the run and show what is beyond chance."""
    content = read_plain(text)
    settings = load_config(DiffConfig, config, assignments)
    others = [_other(path) for path in (unseen, unrelated)]
    registry.opened(registry.registry_path()).check_writable()  # said before the work, not after it
    with Bars() as bars:
        run = diff_text(content, text.name, before, after, out, settings, bars, *others)
    found = _finish(run)
    if as_json:
        print(json.dumps(found, ensure_ascii=False))
    elif "aligned" in found:
        _show_aligned(run, found)
    else:
        _show_difference(run, found)
    record(run)


def show_exposure(
    text: Path,
    unrelated: Path | None,
    model: str,
    out: Path,
    config: Path | None,
    assignments: Sequence[str],
    as_json: bool,
) -> None:
    """Present a text in several ways, write the run and show what each did."""
    content = read_plain(text)
    other = read_plain(unrelated) if unrelated else shipped_retention()
    settings = load_config(ExposeConfig, config, assignments)
    with Bars() as bars:
        run = expose_text(content, text.name, other, model, out, settings, bars)
    found = _finish(run)
    if as_json:
        print(json.dumps(found, ensure_ascii=False))
        return
    table = Table(show_edge=False)
    columns = ("presented", "layers", "dose", "surprise of the text", "as much of the control")
    for column in columns:
        table.add_column(column, justify="left" if column in columns[:2] else "right")
    result = ExposeResult(**found)
    for own, control in pairs_of(result.responses):
        first, last = own.layers or ("-", "-")
        table.add_row(
            own.experiment,
            f"{first} to {last}" if own.layers else "",
            f"{own.dose:g}",
            *(cell(response.surprise) for response in (own, control)),
        )
    results.print(table)
    results.print(f"surprise of the text alone: {cell(result.alone)} nats a token")
    _say_notices(found)
    _say_report(run)


def _effects_table(judged: list[dict[str, Any]], controlled: bool) -> Table:
    """Narrow enough for 80 columns; the report has all nulls."""
    table = Table(show_edge=False, box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    columns = ["p, chance", "p, training"] if controlled else ["by chance (95 %)", "p"]
    for column in ("effect", "statistic", *columns, "beyond"):
        side: Literal["left", "right"] = "left" if column in ("effect", "beyond") else "right"
        table.add_column(column, justify=side, no_wrap=True)
    for effect in judged:
        low, high = effect["null"]
        control = effect.get("control")
        nulls = [] if controlled else [f"{low:.2g} to {high:.2g}"]
        p = [f"{each['p']:.1g}" if each else "" for each in (effect, control)[: 1 + controlled]]
        kinds = zip(("chance", "training"), (effect, control), strict=True)
        beyond = [name for name, each in kinds if each and each["found"]]
        statistic = f"{effect['statistic']:.3g}"
        table.add_row(effect["name"], statistic, *nulls, *p, ", ".join(beyond))
    return table


def _other(path: Path | None) -> OtherText | None:
    return OtherText(read_plain(path), path.name) if path else None


def _show_aligned(run: RunDirectory, found: dict[str, Any]) -> None:
    results.print(aligned_sentence(AlignedResult(**found).aligned), markup=False)
    _say_notices(found)
    _say_report(run)


def _show_difference(run: RunDirectory, found: dict[str, Any]) -> None:
    results.print(
        f"{found['tokens']} tokens; next-token prediction moved by {found['kl']['mean']:.4f} nats "
        f"on average, {found['kl']['max']:.2f} at most"
    )
    result = DiffResult(**found)
    results.print(onset_sentence(result.onset))
    beyond_training = control_sentence(result.onset)
    if beyond_training:
        results.print(beyond_training)
    if found["effects"]:
        results.print(_effects_table(found["effects"], bool(beyond_training)))
    if result.unseen:
        results.print(unseen_sentence(result.unseen))
    _say_notices(found)
    _say_report(run)


def _finish(run: RunDirectory) -> dict[str, Any]:
    with whole_or_nothing(run):
        write_report(run)
        run.finish()
    found: dict[str, Any] = run.read_json("metrics.json")
    return found


def _say_notices(found: dict[str, Any]) -> None:
    for notice in found["notices"]:
        results.print(f"note     {notice}", soft_wrap=True, markup=False)


def _say_report(run: RunDirectory) -> None:
    results.print(f"report   {run.path / 'report.html'}", soft_wrap=True, markup=False)
