"""The training steps of a run, in its ledger."""

import json
import sqlite3
from typing import Any

from litho.core.runs import RunDirectory


class StepLedger:
    """The training steps of a run, one row each, in `ledger.sqlite`."""

    def __init__(self, run: RunDirectory) -> None:
        self._db = sqlite3.connect(run.path / "ledger.sqlite")
        self._db.execute(
            "CREATE TABLE IF NOT EXISTS steps"
            " (arm TEXT, step INTEGER, record TEXT, PRIMARY KEY (arm, step))"
        )
        self._db.commit()

    def add(self, arm: str, step: int, record: dict[str, Any]) -> None:
        """Note step `step` of `arm`; a step done again after a kill replaces its first record."""
        with self._db:
            self._db.execute(
                "INSERT OR REPLACE INTO steps VALUES (?, ?, ?)", (arm, step, json.dumps(record))
            )

    def forget_after(self, arm: str, step: int) -> None:
        """Drop what came after the last checkpoint: it will be done again."""
        with self._db:
            self._db.execute("DELETE FROM steps WHERE arm = ? AND step > ?", (arm, step))

    def records(self, arm: str) -> list[dict[str, Any]]:
        """The records of `arm` in order of step."""
        rows = self._db.execute("SELECT record FROM steps WHERE arm = ? ORDER BY step", (arm,))
        return [json.loads(record) for (record,) in rows]

    def close(self) -> None:
        self._db.close()
