"""What texts do to probes, as a matrix: measured by an ensemble, or predicted."""

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from litho.core.errors import LithoError
from litho.core.runs import RunDirectory
from litho.serve.run_files import MOST_BYTES, manifest_of

TABLES = {"ensemble": "effects.parquet", "predict": "predictions.parquet"}
MOST_TEXTS, MOST_PROBES = 300, 120


@dataclass(frozen=True)
class Value:
    """The effect of a text on a probe, nats per target token."""

    delta: float
    said: str = ""  # interval of a prediction
    trusted: bool = True


@dataclass(frozen=True)
class Matrix:
    """Rows are texts, columns probes; `choices` are the tables of a run, of which one is shown."""

    command: str
    choices: list[str]
    which: int
    probes: list[str]
    rows: list[tuple[str, list[Value | None]]]
    left: tuple[int, int]  # texts and probes that are not shown


def matrix_of(run: Path, which: int = 0) -> Matrix:
    """Raises LithoError if the run has no such table, or it is damaged."""
    command = str(manifest_of(run).get("command"))
    if command not in TABLES:
        raise LithoError(f"{run.name} is no run of 'litho ensemble' or 'litho predict'")
    table = run / TABLES[command]
    if not table.is_file() or table.stat().st_size > MOST_BYTES:
        raise LithoError(f"{run.name} has no table that can be shown here")
    directory = RunDirectory.opened(run)
    with directory.damage_told(table.name):
        rows = directory.read_rows(table.name)
        groups = _groups(command, rows)
    names = sorted(groups)
    which = which if 0 <= which < len(names) else 0
    cells = groups[names[which]] if names else {}
    texts = list(dict.fromkeys(text for text, _ in cells))
    probes = list(dict.fromkeys(probe for _, probe in cells))
    shown = [
        (text, [cells.get((text, probe)) for probe in probes[:MOST_PROBES]])
        for text in texts[:MOST_TEXTS]
    ]
    left = max(0, len(texts) - MOST_TEXTS), max(0, len(probes) - MOST_PROBES)
    return Matrix(command, names, which, probes[:MOST_PROBES], shown, left)


Cells = dict[tuple[str, str], Value]


def _groups(command: str, rows: list[dict[str, Any]]) -> dict[str, Cells]:
    """A prediction has one table; an ensemble one a model and recipe, over seeds, at the end."""
    if command == "predict":
        return {"": {(row["text"], row["probe"]): _predicted(row) for row in rows}}
    last: dict[tuple[str, int], int] = {}
    for row in rows:
        key = row["model"], row["recipe"]
        last[key] = max(last.get(key, 0), row["step"])
    seeds: dict[str, dict[tuple[str, str], list[float]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        if row["step"] == last[row["model"], row["recipe"]]:
            name = f"{row['model']}, {row['recipe']}"
            seeds[name][row["text"], row["probe"]].append(row["delta"])
    return {
        name: {key: Value(fmean(values), f"n = {len(values)}") for key, values in cells.items()}
        for name, cells in seeds.items()
    }


def _predicted(row: dict[str, Any]) -> Value:
    known = row["low"] is not None and row["high"] is not None
    said = f"[{row['low']:.3f}, {row['high']:.3f}]" if known else ""
    return Value(row["delta"], said, bool(row["trusted"]))
