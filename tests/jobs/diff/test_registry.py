"""The effects registry: queries, counts, writers that meet or die, files that are none."""

import math
import multiprocessing
import os
import signal
import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import litho
from litho.core.errors import LithoError
from litho.jobs.diff.registry import MIGRATIONS, Evidence, add, opened, query, tally
from litho.model.adapters import saved
from litho.model.loading import load
from litho.model.sources import locate
from tests.builders import TEXT, shake


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
    add(opened(path), rows)
    db = opened(path)

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
    db = opened(path)
    add(db, rows)
    add(db, rows)  # the same judgements again change nothing
    shift, spill = tally(query(db, ""))
    assert (spill.judged, spill.found, spill.replications, spill.models) == (6, 4, 2, 2)
    assert (spill.contradictions, shift.found, shift.contradictions) == (1, 0, 0)


def write_many(path: Path, change: str) -> None:
    for number in range(20):
        add(
            opened(path),
            [evidence(change_sha=f"{change}{number}"), evidence("b", change_sha=change)],
        )


@pytest.mark.processes
def test_two_processes_write_at_once(path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=write_many, args=(path, name)) for name in ("x", "y")]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
        assert writer.exitcode == 0
    db = opened(path)
    assert len(query(db, "spill")) == 40 and len(query(db, "b")) == 2


def write_and_die(path: Path) -> None:
    add(opened(path), [evidence()])
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("BEGIN IMMEDIATE")
    db.execute("UPDATE findings SET effect = 'half-written'")
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.processes
def test_a_killed_writer_loses_nothing_that_was_committed(path: Path) -> None:
    writer = multiprocessing.get_context("spawn").Process(target=write_and_die, args=(path,))
    writer.start()
    writer.join(60)
    assert writer.exitcode == -signal.SIGKILL
    db = opened(path)
    assert [e.effect for e in query(db, "")] == ["spill"]
    add(db, [evidence("after")])
    assert len(query(db, "")) == 2


def test_registries_that_are_none(path: Path, tmp_path: Path) -> None:
    add(opened(path), [evidence()])
    newer = sqlite3.connect(path)
    newer.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    newer.close()
    with pytest.raises(LithoError, match="newer Litho"):
        opened(path)
    damaged = tmp_path / "damaged.sqlite"
    damaged.write_bytes(b"no database at all" * 100)
    before = damaged.read_bytes()
    with pytest.raises(LithoError, match="is damaged"):
        opened(damaged)
    assert damaged.read_bytes() == before
    with pytest.raises(LithoError, match="cannot be used"):
        opened(tmp_path)


def test_a_registry_that_cannot_be_written(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened(path).check_writable()
    connect = sqlite3.connect

    def read_only(name: Path, **rest: Any) -> sqlite3.Connection:  # noqa: ANN401  as sqlite3's
        return connect(f"file:{name}?mode=ro", uri=True, **rest)

    # What a file without write permission amounts to, for root as well.
    monkeypatch.setattr(sqlite3, "connect", read_only)
    assert query(opened(path), "") == []
    with pytest.raises(LithoError, match="cannot be used"):
        opened(path).check_writable()


def test_only_the_star_is_a_wildcard(path: Path) -> None:
    names = ["notes [draft].md", "notes d.md", "who?.md", "whom.md", "a]b^.md", "star*.md"]
    db = opened(path)
    add(db, [evidence(text=name, text_sha=name) for name in names])
    for name in names[:-1]:
        assert [e.text for e in query(db, f"text={name}")] == [name]
    assert {e.text for e in query(db, "text=notes [*")} == {"notes [draft].md"}
    assert {e.text for e in query(db, "text=who*")} == {"who?.md", "whom.md"}


def test_what_was_not_measured_is_no_evidence(path: Path) -> None:
    db = opened(path)
    add(db, [evidence("a", statistic=math.nan), evidence("b"), evidence("c", p=math.nan)])
    assert [e.effect for e in query(db, "")] == ["b"]
    add(db, [])


WORDS = ["found", "not found", "and", "p<", "text=", "[", "*", "?", "\ud800", "\0", "1e999", "nan"]
EXPRESSIONS = st.lists(st.sampled_from(WORDS) | st.text(st.characters(), max_size=8), max_size=8)


@settings(max_examples=200)
@given(expression=EXPRESSIONS.map(" ".join))
def test_any_query_is_answered_or_refused(registry_file: Path, expression: str) -> None:
    with suppress(LithoError):
        assert len(query(opened(registry_file), expression)) <= 1


@pytest.fixture(scope="module")
def registry_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("registry") / "effects.sqlite"
    add(opened(path), [evidence()])
    return path


def test_a_registry_of_the_first_version_is_read(path: Path) -> None:
    """As Litho wrote it when it counted versions for the first time."""
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as old:
        old.execute(MIGRATIONS[0])
        old.execute("PRAGMA user_version = 1")
    add(opened(path), [evidence()])
    assert [e.effect for e in query(opened(path), "")] == ["spill"]


def test_a_run_that_was_killed_before_it_was_recorded_is_recorded_by_its_resumption(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = load(locate("tiny:llama"), torch.float32)
    shake(model)
    saved.save(model, "x", tmp_path / "adapter")
    path, out = tmp_path / "effects.sqlite", tmp_path / "run"
    monkeypatch.setenv("LITHO_REGISTRY", str(path))

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(litho.Interrupted):
        patch.setattr("litho.jobs.diff.registry.add", killed)
        litho.diff(TEXT, str(tmp_path / "adapter"), "tiny:llama", out=out, nulls=3)
    assert query(opened(path), "") == []
    litho.resume(out)
    assert {e.run for e in query(opened(path), "")} == {str(out)}
