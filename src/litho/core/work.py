"""Results that several processes share: what was computed already, by what it was made from.

One SQLite file in a folder. A result is found by the SHA-256 of its specification, so that the same
work is never done twice, whatever it was asked for by. Several processes may work on one ledger: a
piece of work is done under a lock that the system drops when its process dies, and a result is
committed in one transaction.
"""

import hashlib
import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol

from filelock import FileLock, Timeout

from litho.core.errors import LithoError
from litho.core.runs import LEDGER
from litho.core.store import Schema, Store

Specification = Mapping[str, Any]  # what JSON can hold
Result = dict[str, Any]  # likewise
Piece = Callable[[], Result]
Work = tuple[Specification, Piece]
POLL = 1.0  # seconds between two looks at what another process is doing
_SCHEMA = Schema(
    title="the ledger",
    migrations=(
        # Ledgers from before versions were counted have this table and version 0.
        "CREATE TABLE IF NOT EXISTS results "
        "(key TEXT PRIMARY KEY, specification TEXT NOT NULL, result TEXT NOT NULL)",
    ),
    if_damaged="move it away, and what it holds is computed again",
    if_unusable="choose another folder with --out",
)
_KNOWN = "SELECT key FROM results WHERE key IN (SELECT value FROM json_each(?))"
_RESULTS = "SELECT key, result FROM results WHERE key IN (SELECT value FROM json_each(?))"


class Executor(Protocol):
    """Where pieces of work are done."""

    @property
    def slots(self) -> int:
        """How many pieces it does at once; `do` is called by so many threads."""
        ...

    def do(self, piece: Piece) -> Result:
        """Do a piece, which may have to be pickled, and wait for its result."""
        ...


class ThisProcess:
    """Does one piece after the other, here."""

    slots = 1

    def do(self, piece: Piece) -> Result:
        return piece()


def key_of(specification: Specification) -> str:
    """The name under which a result is kept."""
    written = json.dumps(specification, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(written.encode()).hexdigest()


class WorkLedger:
    """Results in a folder. Every method raises LithoError if the ledger is damaged."""

    def __init__(self, folder: Path) -> None:
        """Raises LithoError if the folder cannot be used or its ledger is damaged."""
        self._store = Store(folder / LEDGER, _SCHEMA)
        self._locks = folder / "locks"
        try:
            self._locks.mkdir(exist_ok=True)
        except OSError as error:
            raise LithoError(
                f"the folder {folder} cannot be used ({error}): choose another with --out"
            ) from None

    def complete(
        self,
        works: Sequence[Work],
        report: Callable[[int, Result | None], object] = lambda done, latest: None,
        executor: Executor | None = None,
    ) -> list[Result]:
        """Do what is not there yet, together with whoever else does; all results in order.

        `report` is told how much is done, and what we did last. `executor`: where, if not in this
        process.
        """
        tasks = {key_of(specification): (specification, piece) for specification, piece in works}
        executor = executor or ThisProcess()
        done, latest = self.known(tasks), None
        pool = ThreadPoolExecutor(executor.slots)
        mapped = map if executor.slots == 1 else pool.map  # a thread would not hear Ctrl-C
        try:
            while left := [key for key in tasks if key not in done]:
                report(len(done), latest)
                results = mapped(lambda key: self.do(*tasks[key], executor), left)
                for key, result in zip(left, results, strict=True):
                    done |= self.known([key]) if result is None else {key}
                    if result is not None:
                        latest = result
                        report(len(done), latest)
                if not done & set(left):
                    time.sleep(POLL)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
        report(len(tasks), latest)
        return self.results([specification for specification, _ in works])

    def known(self, keys: Iterable[str] | None = None) -> set[str]:
        """Those of `keys` whose results are there; of all results, if none are given."""
        if keys is None:
            rows = self._store.rows("SELECT key FROM results")
        else:
            rows = self._store.rows(_KNOWN, _asked(keys))
        return {row["key"] for row in rows}

    def results(self, specifications: Iterable[Specification]) -> list[Result]:
        """The results of specifications, in order. Raises KeyError if one is not there."""
        keys = [key_of(specification) for specification in specifications]
        rows = self._store.rows(_RESULTS, _asked(keys))
        kept = {row["key"]: json.loads(row["result"]) for row in rows}
        return [kept[key] for key in keys]

    def do(
        self, specification: Specification, piece: Piece, executor: Executor | None = None
    ) -> Result | None:
        """Do a piece of work and keep its result; None if it is done, or being done elsewhere.

        Likewise if the piece raises `filelock.Timeout`: what it needs is being made elsewhere.
        """
        key = key_of(specification)
        try:
            with FileLock(self._locks / key, timeout=0):
                if self.known([key]):
                    return None
                result = (executor or ThisProcess()).do(piece)
                self.keep([(specification, result)])
                return result
        except Timeout:
            return None

    def keep(self, results: Iterable[tuple[Specification, Result]]) -> None:
        """Take in results that were computed elsewhere; what is there already stays as it is."""
        rows = (
            (key_of(made_from), json.dumps(made_from, ensure_ascii=False), json.dumps(result))
            for made_from, result in results
        )
        self._store.write("INSERT OR IGNORE INTO results VALUES (?, ?, ?)", rows)


def _asked(keys: Iterable[str]) -> tuple[str]:
    return (json.dumps(list(keys)),)
