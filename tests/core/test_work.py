"""The ledger of work."""

from pathlib import Path
from typing import Any

import pytest

from litho.core.errors import LithoError
from litho.core.work import WorkLedger, key_of


def test_a_ledger_does_the_same_work_once(tmp_path: Path) -> None:
    done: list[int] = []

    def work() -> dict[str, Any]:
        done.append(1)
        return {"answer": 42}

    ledger = WorkLedger(tmp_path)
    assert ledger.do({"a": 1, "b": [2]}, work) and not ledger.do({"b": [2], "a": 1}, work)
    assert len(done) == 1
    key = key_of({"a": 1, "b": [2]})
    assert WorkLedger(tmp_path).known() == {key}
    assert WorkLedger(tmp_path).complete([({"a": 1, "b": [2]}, work)]) == [{"answer": 42}]
    assert len(done) == 1

    def elsewhere() -> dict[str, Any]:
        assert not WorkLedger(tmp_path).do({"c": 3}, work)  # it is being done, by us
        return {}

    assert ledger.do({"c": 3}, elsewhere) is not None and len(done) == 1
    with pytest.raises(RuntimeError):
        ledger.do({"d": 4}, lambda: (_ for _ in ()).throw(RuntimeError()))
    assert key_of({"d": 4}) not in ledger.known()


def test_a_damaged_ledger_is_refused(tmp_path: Path) -> None:
    (tmp_path / "ledger.sqlite").write_bytes(b"no database at all" * 100)
    with pytest.raises(LithoError, match="is damaged"):
        WorkLedger(tmp_path)
    assert (tmp_path / "ledger.sqlite").read_bytes().startswith(b"no database")
