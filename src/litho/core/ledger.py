"""Results that several processes share: what was computed already, by what it was made from.

One SQLite file in a folder. A result is found by the SHA-256 of its specification, so that the same
work is never done twice, whatever it was asked for by. Several processes may work on one ledger: a
piece of work is done under a lock that the system drops when its process dies, and a result is
committed in one transaction.
"""

import hashlib
import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from litho.core.database import PATIENCE, patiently
from litho.core.errors import LithoError

Specification = Mapping[str, Any]  # what JSON can hold
Result = dict[str, Any]  # likewise


def key_of(specification: Specification) -> str:
    """The name under which a result is kept."""
    written = json.dumps(specification, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(written.encode()).hexdigest()


class SharedLedger:
    """Results in a folder."""

    def __init__(self, folder: Path) -> None:
        """Raises LithoError if the folder cannot be used or its ledger is damaged."""
        self._path, self._locks = folder / "ledger.sqlite", folder / "locks"
        try:
            self._locks.mkdir(parents=True, exist_ok=True)
            with self._opened() as db:
                patiently(lambda: _prepare(db))
        except (OSError, sqlite3.OperationalError) as error:
            raise LithoError(f"the ledger {self._path} cannot be used: {error}") from None
        except sqlite3.DatabaseError as error:
            raise LithoError(
                f"the ledger {self._path} is damaged ({error}): move it away, and what it holds is "
                "computed again"
            ) from None

    def known(self, keys: Sequence[str]) -> dict[str, Result]:
        """Those of the results that are there."""
        with self._opened() as db:
            rows = db.execute("SELECT key, result FROM results").fetchall()
        wanted = set(keys)
        return {key: json.loads(result) for key, result in rows if key in wanted}

    def __contains__(self, key: str) -> bool:
        with self._opened() as db:
            found = db.execute("SELECT 1 FROM results WHERE key = ?", (key,)).fetchone()
        return found is not None

    def do(self, specification: Specification, work: Callable[[], Result]) -> bool:
        """Do a piece of work and keep its result; False if it is done, or being done elsewhere."""
        key = key_of(specification)
        try:
            with FileLock(self._locks / key, timeout=0):
                if key in self:
                    return False
                self._keep(key, specification, work())
                return True
        except Timeout:
            return False

    def _keep(self, key: str, specification: Specification, result: Result) -> None:
        row = (key, json.dumps(specification, ensure_ascii=False), json.dumps(result))
        with self._opened() as db:
            patiently(lambda: db.execute("INSERT INTO results VALUES (?, ?, ?)", row))

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        db = sqlite3.connect(self._path, timeout=PATIENCE, isolation_level=None)
        try:
            yield db
        finally:
            db.close()


def _prepare(db: sqlite3.Connection) -> None:
    db.execute("PRAGMA journal_mode = WAL")
    db.execute(
        "CREATE TABLE IF NOT EXISTS results "
        "(key TEXT PRIMARY KEY, specification TEXT NOT NULL, result TEXT NOT NULL)"
    )
