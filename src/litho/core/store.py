"""SQLite files that several processes write at once."""

import sqlite3
import time
from collections.abc import Callable

PATIENCE = 30.0  # seconds to wait for another writer


def patiently(act: Callable[[], object]) -> None:
    """Try again for a while if another process is in the way.

    SQLite's own timeout does not hold while a file changes over to its write-ahead log.
    """
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            act()
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
        time.sleep(0.05)
