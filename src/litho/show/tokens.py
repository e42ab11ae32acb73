"""Tokens of a text and what they look at, as the scripts of a page read them."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from litho.core.runs import RunDirectory

NOW = {"now": ""}  # states and the endings of their columns
BOTH = {"before": "_before", "after": "_after"}
Row = Mapping[str, Any]  # of a table: its columns depend on the states


def tokens_of(rows: Sequence[Row], endings: Mapping[str, str]) -> dict[str, Any]:
    """What the page says of the tokens: columns, since keys in each row would double its size."""
    columns: dict[str, Any] = {"text": [row["text"] for row in rows]}
    if "kl" in rows[0]:
        columns["kl"] = [round(row["kl"], 3) for row in rows]
    columns["states"] = {state: _state(rows, ending) for state, ending in endings.items()}
    return columns


def _state(rows: Sequence[Row], ending: str) -> dict[str, list[Any]]:
    surprises = [row[f"surprise{ending}"] for row in rows]
    expected = [row[f"alternatives{ending}"] for row in rows]
    return {
        "surprise": [None if nats is None else round(nats, 3) for nats in surprises],
        "rank": [row[f"rank{ending}"] for row in rows],
        "words": [[option["word"] for option in options] for options in expected],
        "p": [[round(option["probability"], 4) for option in options] for options in expected],
    }


def edges_of(run: RunDirectory, count: int) -> dict[str, Any]:
    """What each of `count` tokens looks at most; nothing where attention was not watched.

    By state and token: [source, its largest share, its heads], the strongest source first.
    """
    if not (run.path / "edges.parquet").is_file():
        return {}
    states: defaultdict[str, list[dict[int, list[Any]]]]
    states = defaultdict(lambda: [{} for _ in range(count)])
    for row in sorted(run.read_rows("edges.parquet"), key=lambda row: -row["share"]):
        new = [row["source"], round(row["share"], 3), []]
        sources = states[row.get("state", "now")][row["token"]]
        sources.setdefault(row["source"], new)[2].append(f"{row['layer']}.{row['head']}")
    if not states:
        return {}
    return {
        "edges": {state: [list(t.values()) for t in tokens] for state, tokens in states.items()}
    }
