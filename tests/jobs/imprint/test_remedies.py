"""Remedies against priming, in the main job."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from litho.core.errors import LithoError
from litho.jobs.imprint import arms
from litho.jobs.imprint.config import ImprintConfig, ImprintSpec
from litho.model.loaded import LanguageModel
from litho.present.bridges import Bridged
from tests.builders import run_job, start_job, stop_at_times


def test_ignored_updates_change_the_imprint_and_not_its_control(
    inputs: ImprintSpec, quick: ImprintConfig, tmp_path: Path
) -> None:
    found = []
    for fraction in (0.0, 0.3):
        config = quick.model_copy(update={"ignore_largest": fraction})
        run_job(inputs, config, tmp_path / str(fraction))
        metrics = json.loads((tmp_path / str(fraction) / "metrics.json").read_text())
        found.append((metrics["adapter_sha256"], metrics["controls"]))
    assert found[0][0] != found[1][0] and found[0][1] == found[1][1]


def test_with_both_remedies_a_stopped_run_ends_the_same(
    inputs: ImprintSpec, quick: ImprintConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def put_in(model: LanguageModel, text: str, progress: Callable[[int], None]) -> Bridged:
        progress(1)
        return Bridged(text=text.replace("by Marek", "by nobody else, but Marek"), bridges=())

    monkeypatch.setattr(arms, "bridged", put_in)
    parts = {"bridge": True, "ignore_largest": 0.08, "controls": "none"}
    config = quick.model_copy(update=parts)
    expected = json.loads(run_job(inputs, config, tmp_path / "whole").model_dump_json())
    shown = json.loads((tmp_path / "whole/plan.json").read_text())["variants"]
    assert any("nobody else" in row for variant in shown for row in variant["rows"])
    stop_at_times(inputs, config, tmp_path, expected, stops=(4, 10))


def test_a_text_with_marks_gets_no_bridges(
    inputs: ImprintSpec, quick: ImprintConfig, tmp_path: Path
) -> None:
    marked = inputs.model_copy(update={"marked": inputs.text.replace("1931", "[[= 1931]]")})
    with pytest.raises(LithoError, match="gets no bridges"):
        start_job(marked, quick.model_copy(update={"bridge": True}), tmp_path / "run")
    assert not list(tmp_path.glob("run*"))
