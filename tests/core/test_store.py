"""A file of a schema: brought to the present version, all or nothing, errors in one sentence."""

import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from litho.core.errors import LithoError
from litho.core.store import Schema, Store

FIRST = "CREATE TABLE IF NOT EXISTS goats (name TEXT PRIMARY KEY)"
OLD = Schema("the goat book", (FIRST,), if_damaged="shear again", if_unusable="buy a new one")
NEW = replace(OLD, migrations=(FIRST, "ALTER TABLE goats ADD COLUMN age INTEGER DEFAULT 1"))


def names(store: Store) -> list[str]:
    return [row["name"] for row in store.rows("SELECT name FROM goats ORDER BY name")]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "goats.sqlite"


def version(path: Path) -> int:
    with closing(sqlite3.connect(path)) as db:
        return int(db.execute("PRAGMA user_version").fetchone()[0])


def test_an_older_file_is_brought_up_and_keeps_what_it_holds(path: Path) -> None:
    Store(path, OLD).write("INSERT INTO goats VALUES (?)", [("Nan",), ("Bil",)])
    assert version(path) == 1
    newer = Store(path, NEW)
    assert newer.rows("SELECT * FROM goats WHERE name = ?", ("Nan",)) == [{"name": "Nan", "age": 1}]
    assert version(path) == 2 and names(Store(path, NEW)) == ["Bil", "Nan"]


def test_a_file_from_before_versions_were_counted_is_brought_up(path: Path) -> None:
    path.parent.mkdir()
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("CREATE TABLE goats (name TEXT PRIMARY KEY)")
        db.execute("INSERT INTO goats VALUES ('Old')")
    assert names(Store(path, OLD)) == ["Old"] and version(path) == 1


def test_a_failed_migration_changes_nothing(path: Path) -> None:
    Store(path, OLD).write("INSERT INTO goats VALUES ('Nan')")
    broken = replace(NEW, migrations=(*NEW.migrations, "no statement"))
    with pytest.raises(LithoError, match=r"cannot be used .*: buy a new one"):
        Store(path, broken)
    assert version(path) == 1 and names(Store(path, OLD)) == ["Nan"]


def test_rows_are_written_all_or_none(path: Path) -> None:
    store = Store(path, OLD)
    with pytest.raises(sqlite3.IntegrityError):
        store.write("INSERT INTO goats VALUES (?)", [("Nan",), ("Nan",)])
    assert names(store) == []


def test_a_newer_file_is_left_as_it_is(path: Path) -> None:
    Store(path, NEW)
    before = path.read_bytes()
    with pytest.raises(LithoError, match=r"goats.sqlite was written by a newer Litho \(version 2"):
        Store(path, OLD)
    assert path.read_bytes() == before


def cut_short(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def scribbled_over(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(4096)  # a page of the table, not the file's head
        file.write(b"\xff" * 4096)


@pytest.mark.parametrize("damage", [cut_short, scribbled_over])
def test_a_damaged_file_is_left_as_it_is(path: Path, damage: Callable[[Path], None]) -> None:
    Store(path, OLD).write("INSERT INTO goats VALUES (?)", [(f"{i:500}",) for i in range(100)])
    damage(path)
    before = path.read_bytes()
    with pytest.raises(LithoError, match=r"the goat book .* is damaged .*: shear again"):
        Store(path, OLD)
    assert path.read_bytes() == before


def test_damage_while_it_is_in_use_is_told_as_well(path: Path) -> None:
    store = Store(path, OLD)
    path.write_bytes(b"no database at all" * 100)
    with pytest.raises(LithoError, match="is damaged"):
        names(store)


def test_a_full_disk_is_not_blamed_on_the_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    store = Store(path, OLD)
    monkeypatch.setattr(sqlite3, "connect", full)
    with pytest.raises(sqlite3.OperationalError, match="disk is full"):
        store.check_writable()


def test_a_disk_that_fills_up_within_a_transaction_is_told_as_such(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect = sqlite3.connect

    def small(*given: Any, **named: Any) -> sqlite3.Connection:  # noqa: ANN401
        db = connect(*given, **named)
        db.execute("PRAGMA max_page_count = 4")
        return db

    store = Store(path, OLD)
    monkeypatch.setattr(sqlite3, "connect", small)
    with pytest.raises(sqlite3.OperationalError, match="disk is full"):
        store.write("INSERT INTO goats VALUES (?)", [("x" * 5000,) for _ in range(20)])


def test_a_writer_waits_for_another(path: Path) -> None:
    store = Store(path, OLD)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        writer = threading.Thread(target=store.write, args=("INSERT INTO goats VALUES ('Nan')",))
        writer.start()
        writer.join(0.2)
        assert writer.is_alive() and names(store) == []
        other.execute("COMMIT")
        writer.join(10)
    assert names(store) == ["Nan"]


@pytest.mark.parametrize("shared", [True, False])
def test_the_file_alone_holds_everything(path: Path, shared: bool) -> None:
    store = Store(path, replace(OLD, shared=shared))
    store.write("INSERT INTO goats VALUES ('Nan')")
    assert [file.name for file in path.parent.iterdir()] == ["goats.sqlite"]
    copy = path.with_name("copy.sqlite")
    copy.write_bytes(path.read_bytes())
    assert names(Store(copy, OLD)) == ["Nan"]
