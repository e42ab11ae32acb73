"""Comparisons as the command line calls them: run what is left, show the table."""

import json
from collections.abc import Sequence
from pathlib import Path

from litho.cli.console import Bars, console
from litho.core.config import load_config
from litho.core.errors import Interrupted, LithoError
from litho.core.files import whole_file
from litho.core.runs import RunDirectory
from litho.jobs.bench.config import PROTOCOLS, BenchConfig
from litho.jobs.bench.result import TRIALS
from litho.jobs.bench.summary import summarize
from litho.jobs.bench.tournament import open_tournament
from litho.show.comparison import comparison_table
from litho.text.cases import read_cases
from litho.text.documents import read_text
from litho.text.shipped import shipped_retention


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
    result = summarize(trials)
    table = comparison_table(result)
    with whole_file(out / "metrics.json") as path:
        path.write_text(json.dumps(result.model_dump()), encoding="utf-8")
    with whole_file(out / "table.md") as path:
        path.write_text(table, encoding="utf-8")
    RunDirectory(out).write_json(TRIALS, [trial.model_dump() for trial in trials])
    print(json.dumps(result.model_dump()) if as_json else table)
    console.print(f"trials and table: {out}", soft_wrap=True, markup=False)
