"""SQLite files that outlive a process: opened, brought to the present version, read and written.

The one place that knows SQLite. A file knows the version of its tables (`PRAGMA user_version`);
every statement has a connection of its own, so that a store may be used by several threads, and so
that the file holds everything as soon as a call returns and can be copied on its own.
"""

import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from litho.core.errors import LithoError, disk_is_full

PATIENCE = 30.0  # seconds to wait for another writer
Values = Sequence[Any] | Mapping[str, Any]
Result = TypeVar("Result")


@dataclass(frozen=True)
class Schema:
    """What a file holds and how its errors are told."""

    title: str  # "the ledger"
    migrations: tuple[str, ...]  # each brings a file from the version that is its index to the next
    if_damaged: str  # what the user should do then
    if_unusable: str
    shared: bool = True  # by several writers: a write-ahead log, of which nothing is left when idle


class Store:
    """A file of a schema, made if there is none.

    Every method raises LithoError, in one sentence, if the file cannot be used, is damaged or was
    written by a newer Litho; a file of the last two kinds is left as it is.
    """

    def __init__(self, path: Path, schema: Schema) -> None:
        self.path, self.schema = path, schema
        with self._errors_told():
            path.parent.mkdir(parents=True, exist_ok=True)
            with closing(self._connected()) as db:
                _patiently(lambda: self._bring_up(db))

    def rows(self, query: str, values: Values = ()) -> list[dict[str, Any]]:
        """What a query finds, as columns by name."""
        with self._errors_told(), closing(self._connected()) as db:
            return _patiently(lambda: [dict(row) for row in db.execute(query, values)])

    def write(self, statement: str, rows: Iterable[Values] = ((),)) -> None:
        """Execute a statement for every row, in one transaction: all or nothing."""
        rows = list(rows)
        with self._errors_told(), closing(self._connected()) as db:
            _patiently(lambda: _in_one(db, statement, rows))

    def check_writable(self) -> None:
        """Raises LithoError if nothing could be written."""
        with self._errors_told(), closing(self._connected()) as db, _transaction(db):
            # What it is already: a file that may only be read lets a transaction begin.
            db.execute(f"PRAGMA user_version = {len(self.schema.migrations)}")

    def _connected(self) -> sqlite3.Connection:
        db = sqlite3.connect(self.path, timeout=PATIENCE, isolation_level=None)
        db.row_factory = sqlite3.Row
        return db

    def _bring_up(self, db: sqlite3.Connection) -> None:
        migrations = self.schema.migrations
        version = _version(db)
        if version > len(migrations):
            raise LithoError(
                f"{self.schema.title} {self.path} was written by a newer Litho (version {version}, "
                f"this one knows {len(migrations)}): update Litho, or {self.schema.if_unusable}"
            )
        (health,) = db.execute("PRAGMA quick_check(1)").fetchone()
        if health != "ok":
            raise sqlite3.DatabaseError(health.splitlines()[-1])
        if version == len(migrations):
            return
        if self.schema.shared:
            db.execute("PRAGMA journal_mode = WAL")
        with _transaction(db):
            # Another process may have done it while we waited for the lock.
            for number in range(_version(db), len(migrations)):
                db.execute(migrations[number])
                db.execute(f"PRAGMA user_version = {number + 1}")

    @contextmanager
    def _errors_told(self) -> Iterator[None]:
        title, advice = f"{self.schema.title} {self.path}", self.schema
        try:
            yield
        except (OSError, sqlite3.OperationalError) as error:
            if disk_is_full(error):
                raise  # nothing is wrong with the file; a job may go on later
            raise LithoError(f"{title} cannot be used ({error}): {advice.if_unusable}") from None
        except sqlite3.IntegrityError:
            raise  # the caller's mistake, and no damage
        except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
            raise LithoError(f"{title} is damaged ({error}): {advice.if_damaged}") from None


def _version(db: sqlite3.Connection) -> int:
    (version,) = db.execute("PRAGMA user_version").fetchone()
    return int(version)


def _in_one(db: sqlite3.Connection, statement: str, rows: Sequence[Values]) -> None:
    with _transaction(db):
        db.executemany(statement, rows)


@contextmanager
def _transaction(db: sqlite3.Connection) -> Iterator[None]:
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        if db.in_transaction:  # a full disk has ended it already
            db.execute("ROLLBACK")
        raise
    db.execute("COMMIT")


def _patiently(act: Callable[[], Result]) -> Result:
    """Try again for a while if another process is in the way.

    SQLite's own timeout does not hold while a file changes over to its write-ahead log.
    """
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return act()
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
        time.sleep(0.05)
