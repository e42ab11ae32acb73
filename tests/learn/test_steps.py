"""The ledger of steps."""

from pathlib import Path

from litho.core.runs import RunDirectory
from litho.learn.steps import StepLedger


def test_ledger_keeps_the_latest_record_of_a_step(tmp_path: Path) -> None:
    run = RunDirectory.create(tmp_path / "r")
    ledger = StepLedger(run)
    for step, value in ((1, 1.0), (2, 2.0), (2, 3.0)):
        ledger.add("a", step, {"loss": value})
    ledger.add("b", 1, {"loss": 9.0})
    assert [r["loss"] for r in StepLedger(run).records("a")] == [1.0, 3.0]
