"""A small round of `benchmarks/fuzz.py`: every damaged input ends in one sentence."""

from pathlib import Path

import fuzz
import pytest
from fuzz_bench import Workbench
from fuzz_inputs import KINDS, prepare

COUNTS = {
    "text": 40, "probes": 20, "texts": 20, "cases": 20, "config": 20, "plan": 15, "assignment": 20,
    "options": 30, "calibration": 5, "registry": 20, "trails": 20,
    "genome": 20,
}  # fmt: skip


def test_damaged_inputs_end_in_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("LITHO_REGISTRY", str(tmp_path / "registry.sqlite"))
    monkeypatch.setattr("fuzz_inputs.DEEP", 0.0)  # none of them reaches a model
    bench = Workbench(tmp_path)
    outcomes = []
    for kind, count in COUNTS.items():
        prepare(bench, kind)
        outcomes += [
            fuzz.tried(bench, kind, number, 1, 60.0, tmp_path / "input") for number in range(count)
        ]
    assert [
        (each.kind, each.number, each.wrong, each.said) for each in outcomes if each.wrong
    ] == []
    assert {each.code for each in outcomes} == {0, 2} and set(COUNTS) < set(KINDS)
