"""The effects registry: queries, counts, writers that meet or die, files that are none."""

import multiprocessing
import os
import signal
import sqlite3
from pathlib import Path

import pytest

from litho.core.errors import LithoError
from litho.jobs.diff.registry import MIGRATIONS, Evidence, add, check_writable, opened, query, tally


def evidence(effect: str = "spill", found: bool = True, **changed: object) -> Evidence:
    values: dict[str, object] = {
        "effect": effect,
        "found": found,
        "statistic": 2.5,
        "low": -0.1,
        "high": 0.1,
        "p": 1e-5 if found else 0.4,
        "model": "bundled:smollm2-135m",
        "model_sha": "m1",
        "text": "page.md",
        "text_sha": "t1",
        "change": "runs/a/adapter",
        "change_sha": "c1",
        "recipe": "{}",
        "seed": 0,
        "run": "runs/a",
        "made": "2026-01-01T00:00:00+00:00",
    }
    return Evidence(**values | changed)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "effects.sqlite"


def test_queries(path: Path) -> None:
    rows = [
        evidence(),
        evidence("sink_shift"),
        evidence("sink_shift", found=False, text_sha="t2", model="tiny:llama"),
    ]
    with opened(path) as db:
        add(db, rows)
    with opened(path) as db:

        def effects(expression: str) -> list[str]:
            return [e.effect for e in query(db, expression)]

        assert len(effects("")) == 3
        assert effects("sink_shift and found") == ["sink_shift"]
        assert effects("not found and model=tiny:*") == ["sink_shift"]
        assert effects("p<0.001 and statistic >= 2.5 and text=page.md") == ["sink_shift", "spill"]
        assert effects("effect=spill and seed=0") == ["spill"]
        assert effects("no_such_effect") == []
        add(db, [evidence("phantom", text="salt and pepper.md"), evidence("b", text="2024")])
        assert effects("text=salt and pepper.md and not found") == []
        assert effects("text=salt and pepper.md and found") == ["phantom"]
        assert effects("found and text=2024") == ["b"]
        assert [e.model_copy(update={"id": None}) for e in query(db, "spill")] == rows[:1]
        for bad in ("p<few", "nowhere=1", "spill or sink_shift", "found;", "text<b"):
            with pytest.raises(LithoError, match=r"term|number"):
                query(db, bad)


def test_replications_and_contradictions(path: Path) -> None:
    rows = [
        evidence(),
        evidence(seed=1),  # the same case judged again: no replication
        evidence(recipe="{1}", found=False),  # nor, where it was not found, a contradiction
        evidence(change_sha="c2", found=False),  # another change of the same text is one
        evidence(model_sha="m2"),  # another model: replication
        evidence(text_sha="t2"),  # another text: replication
        evidence("sink_shift", found=False),
    ]
    with opened(path) as db:
        add(db, rows)
        add(db, rows)  # the same judgements again change nothing
        shift, spill = tally(query(db, ""))
    assert (spill.judged, spill.found, spill.replications, spill.models) == (6, 4, 2, 2)
    assert (spill.contradictions, shift.found, shift.contradictions) == (1, 0, 0)


def write_many(path: Path, change: str) -> None:
    for number in range(20):
        with opened(path) as db:
            add(db, [evidence(change_sha=f"{change}{number}"), evidence("b", change_sha=change)])


def test_two_processes_write_at_once(path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=write_many, args=(path, name)) for name in ("x", "y")]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
        assert writer.exitcode == 0
    with opened(path) as db:
        assert len(query(db, "spill")) == 40 and len(query(db, "b")) == 2


def write_and_die(path: Path) -> None:
    with opened(path) as db:
        add(db, [evidence()])
        db.execute("BEGIN IMMEDIATE")
        db.execute("UPDATE findings SET effect = 'half-written'")
        os.kill(os.getpid(), signal.SIGKILL)


def test_a_killed_writer_loses_nothing_that_was_committed(path: Path) -> None:
    writer = multiprocessing.get_context("spawn").Process(target=write_and_die, args=(path,))
    writer.start()
    writer.join(60)
    assert writer.exitcode == -signal.SIGKILL
    with opened(path) as db:
        assert [e.effect for e in query(db, "")] == ["spill"]
        add(db, [evidence("after")])


def test_registries_that_are_none(path: Path, tmp_path: Path) -> None:
    with opened(path) as db:
        add(db, [evidence()])
    newer = sqlite3.connect(path)
    newer.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    newer.close()
    with pytest.raises(LithoError, match="newer Litho"), opened(path):
        pass
    damaged = tmp_path / "damaged.sqlite"
    damaged.write_bytes(b"no database at all" * 100)
    before = damaged.read_bytes()
    with pytest.raises(LithoError, match="is damaged"), opened(damaged):
        pass
    assert damaged.read_bytes() == before
    with pytest.raises(LithoError, match="cannot be used"), opened(tmp_path):
        pass


def test_a_registry_that_cannot_be_written(path: Path) -> None:
    check_writable(path)
    with opened(path) as busy:
        busy.execute("PRAGMA query_only = 1")  # what a read-only file amounts to
        check_writable(path)  # of no matter to others
    path.chmod(0o400)
    if not os.access(path, os.W_OK):  # root may write what it likes
        with pytest.raises(LithoError, match="cannot be used"):
            check_writable(path)
