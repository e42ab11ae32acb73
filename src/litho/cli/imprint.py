"""The main job as the command line calls it: run it, write the report, show the verdict."""

import json
from collections.abc import Sequence
from pathlib import Path

from rich.table import Table

from litho.cli.console import Bars, console, results
from litho.core.config import load_config
from litho.core.errors import Interrupted, LithoError, disk_is_full
from litho.core.runs import RunDirectory
from litho.core.stats import Estimate
from litho.jobs.imprint.config import ImprintConfig
from litho.jobs.imprint.inputs import Inputs
from litho.jobs.imprint.result import ArmMetrics, ImprintResult
from litho.jobs.imprint.run import imprint, start
from litho.measure.printing.verdict import number
from litho.show.report import write_report
from litho.text import markup
from litho.text.documents import read_text
from litho.text.items import read_probes

KIND_NAMES = {"mem": "its own words", "gen": "rewordings", "hard": "hard questions"}


def begin(
    text: Path,
    probes: Path | None,
    retention: Path | None,
    model: str,
    out: Path,
    config: Path | None,
    assignments: Sequence[str],
) -> ImprintResult:
    """Start a run and see it through."""
    content = read_text(text).strip()
    document = markup.parse(content)
    inputs = Inputs(
        text=markup.plain(document),
        marked=content if markup.has_marks(document) else None,
        text_name=text.name,
        probes=read_probes(probes) if probes else None,
        retention=read_text(retention) if retention else None,
        model=model,
    )
    settings = load_config(ImprintConfig, config, assignments)
    return _finish(start(inputs, settings, out))


def resume(run: Path) -> ImprintResult:
    """Go on with an interrupted run."""
    return _finish(RunDirectory.resume(run))


def _finish(run: RunDirectory) -> ImprintResult:
    manifest = run.read_yaml("manifest.yaml")
    expected = manifest["expected"]
    if manifest["scenes"] > 1:
        console.print(
            "the text is longer than the model's context: it is cut into "
            f"{manifest['scenes']} scenes, and nothing is left out"
        )
    console.print(
        f"expected: about {max(1, round(expected['seconds'] / 60))} min in all, "
        f"{expected['gib']:.1f} GiB of memory; run folder {run.path}",
        soft_wrap=True,
        markup=False,
    )
    for notice in manifest.get("notices", []):  # runs of earlier versions have none
        console.print(f"note: {notice}", soft_wrap=True, markup=False)
    try:
        with Bars() as bars:
            result = imprint(run, bars)
            bars.stage("writing the report")
            write_report(run)
    except KeyboardInterrupt:
        raise Interrupted(_how_to_resume(run, "stopped")) from None
    except Exception as error:
        if disk_is_full(error):
            raise LithoError(_how_to_resume(run, "the disk is full: free some space")) from error
        raise
    run.finish()
    return result


def _how_to_resume(run: RunDirectory, reason: str) -> str:
    return f"{reason}; go on with 'litho imprint --resume {run.final_path}'"


def show(result: ImprintResult, as_json: bool) -> None:
    """Print the verdict: a table for people, or one JSON object."""
    if as_json:
        print(json.dumps(result.model_dump(), ensure_ascii=False))
        return
    table = Table(title=f"Verdict: {result.verdict}", title_style="bold", show_edge=False)
    table.add_column("measured after training")
    table.add_column("this run", justify="right")
    for name in result.controls:
        table.add_column(name, justify="right")
    arms: list[ArmMetrics] = [result, *result.controls.values()]
    for kind, title in KIND_NAMES.items():
        _add(table, f"imprint: {title}", [a.imprint[kind] for a in arms])
    _add(table, "drift, nats/token", [a.drift.retention for a in arms], 4)
    _add(table, "spill, nats/token", [a.spill for a in arms])
    first = [a.spill_first for a in arms if a.spill_first]
    if first:
        _add(table, "spill of first tokens, nats", first)
    _add(table, "neighbours unchanged", [a.locality for a in arms])
    results.print(table)
    for reason in result.reasons:
        results.print(f"· {reason}", markup=False)
    results.print(f"adapter  {result.adapter}", soft_wrap=True, markup=False)
    results.print(f"report   {Path(result.run, 'report.html')}", soft_wrap=True, markup=False)


def _add(table: Table, title: str, values: Sequence[Estimate], digits: int = 2) -> None:
    table.add_row(title, *(number(value, digits) for value in values))
