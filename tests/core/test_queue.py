"""The queue of work asks only for what it is asked for, and shares it with others."""

import json
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from filelock import Timeout

from litho.core import work
from litho.core.errors import LithoError
from litho.core.store import Store
from litho.core.work import Result, WorkLedger, key_of


def says(number: int) -> Callable[[], Result]:
    return lambda: {"said": number}


def test_results_come_in_the_order_asked_for_and_once_each(tmp_path: Path) -> None:
    works = [({"n": n}, says(n)) for n in (3, 1, 2, 3)]
    told: list[tuple[int, Result | None]] = []
    results = WorkLedger(tmp_path).complete(works, lambda done, latest: told.append((done, latest)))
    assert [r["said"] for r in results] == [3, 1, 2, 3]
    assert [done for done, _ in told] == [0, 1, 2, 3, 3]
    assert told[-1][1] == {"said": 2}


def test_only_what_is_asked_for_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rows and characters that cross from the file grow with the question, not the file."""
    ledger = WorkLedger(tmp_path)
    ledger.keep(({"other": n}, {"long": "x" * 1000}) for n in range(500))
    read: list[int] = []
    whole = Store.rows

    def counting(self: Store, *asked: Any) -> list[dict[str, Any]]:  # noqa: ANN401
        rows = whole(self, *asked)
        read.append(sum(len(str(row)) for row in rows))
        return rows

    monkeypatch.setattr(Store, "rows", counting)
    ledger.complete([({"n": n}, says(n)) for n in range(20)])
    assert sum(read) < 20 * 500
    assert len(ledger.known()) == 520


def test_a_ledger_from_before_is_read(tmp_path: Path) -> None:
    """As it was written before versions were counted."""
    with closing(sqlite3.connect(tmp_path / "ledger.sqlite", isolation_level=None)) as db:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute(
            "CREATE TABLE results "
            "(key TEXT PRIMARY KEY, specification TEXT NOT NULL, result TEXT NOT NULL)"
        )
        made_from = {"a": 1}
        row = (key_of(made_from), json.dumps(made_from), json.dumps({"b": 2}))
        db.execute("INSERT INTO results VALUES (?, ?, ?)", row)
    ledger = WorkLedger(tmp_path)
    assert ledger.complete([(made_from, says(0)), ({"a": 2}, says(2))]) == [{"b": 2}, {"said": 2}]


def test_what_is_kept_already_stays(tmp_path: Path) -> None:
    ledger = WorkLedger(tmp_path)
    ledger.keep([({"a": 1}, {"b": 1})])
    ledger.keep([({"a": 1}, {"b": 2}), ({"a": 2}, {"b": 3})])
    assert ledger.results([{"a": 2}, {"a": 1}]) == [{"b": 3}, {"b": 1}]
    with pytest.raises(KeyError):
        ledger.results([{"a": 3}])


def test_what_another_does_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work, "POLL", 0.01)
    begun = threading.Event()

    def slow() -> Result:
        begun.set()
        time.sleep(0.3)
        return {"by": "other"}

    other = threading.Thread(target=WorkLedger(tmp_path).do, args=({"a": 1}, slow))
    other.start()
    assert begun.wait(10)
    results = WorkLedger(tmp_path).complete([({"a": 1}, says(1)), ({"a": 2}, says(2))])
    other.join()
    assert results == [{"by": "other"}, {"said": 2}]


def test_a_piece_may_wait_for_what_another_makes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work, "POLL", 0.01)
    tries: list[int] = []

    def needs_something() -> Result:
        tries.append(1)
        if len(tries) < 3:
            raise Timeout("it")
        return {"tries": len(tries)}

    assert WorkLedger(tmp_path).complete([({"a": 1}, needs_something)]) == [{"tries": 3}]


def test_a_folder_that_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LithoError, match="cannot be used"):
        WorkLedger(tmp_path / "file")
    (tmp_path / "locks").write_text("")
    with pytest.raises(LithoError, match="cannot be used"):
        WorkLedger(tmp_path)
