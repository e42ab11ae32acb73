"""Results that several processes share: what was computed already, by what it was made from.

One SQLite file in a folder. A result is found by the SHA-256 of its specification, so that the same
work is never done twice, whatever it was asked for by. Several processes may work on one ledger: a
piece of work is done under a lock that the system drops when its process dies, and a result is
committed in one transaction.
"""

import hashlib
import json
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from litho.core.errors import LithoError
from litho.core.store import PATIENCE, patiently

Specification = Mapping[str, Any]  # what JSON can hold
Result = dict[str, Any]  # likewise
Work = tuple[Specification, Callable[[], Result]]
POLL = 1.0  # seconds between two looks at what another process is doing


def key_of(specification: Specification) -> str:
    """The name under which a result is kept."""
    written = json.dumps(specification, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(written.encode()).hexdigest()


class WorkLedger:
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

    def complete(
        self,
        works: Sequence[Work],
        report: Callable[[int, Result | None], object] = lambda done, latest: None,
        at_once: int = 1,
    ) -> list[Result]:
        """Do what is not there yet, together with whoever else does; all results in order.

        `report` is told how much is done, and what we did last. `at_once`: in so many threads, for
        work that waits for others.
        """
        tasks = {key_of(specification): (specification, work) for specification, work in works}
        latest = None
        pool = ThreadPoolExecutor(at_once)
        mapped = map if at_once == 1 else pool.map  # a thread would not hear Ctrl-C
        try:
            while left := tasks.keys() - self.known():
                report(len(tasks) - len(left), latest)
                before = latest
                ours = [key for key in tasks if key in left]
                for result in mapped(lambda key: self.do(*tasks[key]), ours):
                    if result is not None:
                        latest = result
                        report(len(tasks.keys() & self.known()), latest)
                if latest is before:
                    time.sleep(POLL)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
        report(len(tasks), latest)
        results = self._results()
        return [results[key_of(specification)] for specification, _ in works]

    def known(self) -> set[str]:
        """The keys of all results that are there."""
        with self._opened() as db:
            return {key for (key,) in db.execute("SELECT key FROM results")}

    def do(self, specification: Specification, work: Callable[[], Result]) -> Result | None:
        """Do a piece of work and keep its result; None if it is done, or being done elsewhere."""
        key = key_of(specification)
        try:
            with FileLock(self._locks / key, timeout=0):
                if key in self.known():
                    return None
                result = work()
                self._keep(key, specification, result)
                return result
        except Timeout:
            return None

    def _results(self) -> dict[str, Result]:
        with self._opened() as db:
            rows = db.execute("SELECT key, result FROM results").fetchall()
        return {key: json.loads(result) for key, result in rows}

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
