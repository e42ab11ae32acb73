"""Remedies against priming, in the main job."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from litho.core.errors import LithoError
from litho.jobs.imprint import shown as what_is_shown
from litho.jobs.imprint.config import ImprintConfig, ImprintSpec
from litho.model.loaded import LanguageModel
from litho.present.bridges import Bridged
from tests.builders import run_job, start_job, stop_at_times, with_page


def test_ignored_updates_change_the_imprint_and_not_its_control(
    inputs: ImprintSpec, quick: ImprintConfig, tmp_path: Path, finished: Path
) -> None:
    assert not quick.ignore_largest
    run_job(inputs, quick.model_copy(update={"ignore_largest": 0.3}), tmp_path / "run")
    plain, remedied = (
        json.loads((run / "metrics.json").read_text()) for run in (finished, tmp_path / "run")
    )
    assert plain["adapter_sha256"] != remedied["adapter_sha256"]
    assert plain["controls"] == remedied["controls"]


def test_with_both_remedies_a_stopped_run_ends_the_same(
    inputs: ImprintSpec, quick: ImprintConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def put_in(
        model: LanguageModel, text: str, longest: int, progress: Callable[[int], None]
    ) -> Bridged:
        progress(1)
        return Bridged(text=text.replace("by Marek", "by nobody else, but Marek"), bridges=())

    monkeypatch.setattr(what_is_shown, "bridged", put_in)
    parts = {"bridge": True, "ignore_largest": 0.08, "controls": "none"}
    config = quick.model_copy(update=parts)
    expected = json.loads(run_job(inputs, config, tmp_path / "whole").model_dump_json())
    shown = json.loads((tmp_path / "whole/plan.json").read_text())["variants"]
    assert any("nobody else" in row for variant in shown for row in variant["rows"])
    # While bridges are built, within the imprint.
    stop_at_times(inputs, config, tmp_path, expected, stops=(4, 8))


def test_a_text_with_marks_gets_no_bridges(
    inputs: ImprintSpec, quick: ImprintConfig, tmp_path: Path
) -> None:
    marked = with_page(inputs, marked=inputs.pages[0].text.replace("1931", "[[= 1931]]"))
    with pytest.raises(LithoError, match="gets no bridges"):
        start_job(marked, quick.model_copy(update={"bridge": True}), tmp_path / "run")
    assert not list(tmp_path.glob("run*"))
