"""Comparisons as the command line calls them: run what is left, show the table."""

import json
from collections.abc import Sequence
from pathlib import Path

from litho.cli.console import Bars, console
from litho.core.config import load_config
from litho.core.errors import Interrupted, LithoError
from litho.core.files import whole_file
from litho.jobs.bench.config import PROTOCOLS, BenchConfig
from litho.jobs.bench.summary import ArmSummary, Matched, summarize
from litho.jobs.bench.tournament import open_tournament
from litho.show.wording import cell
from litho.text.cases import read_cases
from litho.text.documents import read_text
from litho.text.shipped import shipped_retention

COLUMNS = (
    "arm",
    "rate",
    "texts",
    "I mem",
    "I gen",
    "I hard",
    "D_ret",
    "spill",
    "spill, first tokens",
    "durability",
    "tokens read",
    "I gen - plan",
    "plan's D_ret / its own at the same I gen",
    "plan's spill - its own at the same I gen",
)


def lithography(
    texts: Path,
    retention: Path,
    decoys: Path | None,
    protocol: str,
    out: Path,
    only: str,
    so_far: bool,
    assignments: Sequence[str],
    as_json: bool,
) -> None:
    """Compare ways of presenting a text; goes on where an earlier call stopped."""
    if protocol not in PROTOCOLS:
        raise LithoError(f"there is no protocol {protocol!r}: there are {', '.join(PROTOCOLS)}")
    chosen = PROTOCOLS[protocol].model_dump(exclude_defaults=True)
    given = [f"{key}={json.dumps(value)}" for key, value in chosen.items()]
    config = load_config(BenchConfig, None, [*given, *assignments])
    cases, prose = read_cases(texts), read_text(retention)
    decoy_prose = read_text(decoys) if decoys else shipped_retention()
    try:
        with Bars() as bars:
            names = [name.strip() for name in only.split(",") if name.strip()]
            tournament = open_tournament(out, config, cases, prose, decoy_prose, bars, names)
            trials = tournament.finished() if so_far else tournament.run()
    except KeyboardInterrupt:
        raise Interrupted("stopped; the same command goes on from here") from None
    found = summarize(trials)
    table = as_table(found)
    with whole_file(out / "metrics.json") as path:
        path.write_text(json.dumps([arm.model_dump() for arm in found]), encoding="utf-8")
    with whole_file(out / "table.md") as path:
        path.write_text(table, encoding="utf-8")
    print(json.dumps([arm.model_dump() for arm in found]) if as_json else table)
    console.print(f"trials and table: {out}", soft_wrap=True, markup=False)


def as_table(arms: Sequence[ArmSummary]) -> str:
    """The comparison as a table in Markdown."""
    rows = [COLUMNS, ("---",) * len(COLUMNS), *map(_row, arms)]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows) + "\n"


def _row(arm: ArmSummary) -> tuple[str, ...]:
    rate = f"{arm.learning_rate:g}"
    return (
        arm.arm,
        f"{rate}, KL {arm.kl_weight:g}" if "fixed" in arm.arm else rate,
        f"{arm.texts} ({arm.trials}{f', {arm.failed} failed' if arm.failed else ''})",
        *(cell(arm.imprint[kind]) for kind in ("mem", "gen", "hard")),
        cell(arm.drift, 4),
        cell(arm.spill),
        cell(arm.spill_first),
        cell(arm.durability),
        f"{arm.read:,.0f}",
        cell(arm.more_imprint),
        _matched(arm.drift_ratio, 3),
        _matched(arm.plan_spills_more, 2),
    )


def _matched(compared: Matched, digits: int) -> str:
    return f"{cell(compared.found, digits)} at {compared.at:.2f}" if compared.at else "-"
