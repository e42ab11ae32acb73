"""The training steps of a run, in its ledger."""

import json
from typing import Any

from litho.core.runs import LEDGER, RunDirectory
from litho.core.store import Schema, Store

_SCHEMA = Schema(
    title="the ledger of steps",
    migrations=(
        # Ledgers from before versions were counted have this table and version 0.
        "CREATE TABLE IF NOT EXISTS steps"
        " (arm TEXT, step INTEGER, record TEXT, PRIMARY KEY (arm, step))",
    ),
    if_damaged="the run cannot go on; begin it again with another --out",
    if_unusable="make its folder one that can be written",
    shared=False,
)


class StepLedger:
    """The training steps of a run, one row each, in `ledger.sqlite`."""

    def __init__(self, run: RunDirectory) -> None:
        """Raises LithoError if the ledger cannot be used, as every method does."""
        self._store = Store(run.path / LEDGER, _SCHEMA)

    def add(self, arm: str, step: int, record: dict[str, Any]) -> None:
        """Note step `step` of `arm`; a step done again after a kill replaces its first record."""
        row = (arm, step, json.dumps(record))
        self._store.write("INSERT OR REPLACE INTO steps VALUES (?, ?, ?)", [row])

    def forget_after(self, arm: str, step: int) -> None:
        """Drop what came after the last checkpoint: it will be done again."""
        self._store.write("DELETE FROM steps WHERE arm = ? AND step > ?", [(arm, step)])

    def records(self, arm: str) -> list[dict[str, Any]]:
        """The records of `arm` in order of step."""
        rows = self._store.rows("SELECT record FROM steps WHERE arm = ? ORDER BY step", (arm,))
        return [json.loads(row["record"]) for row in rows]
