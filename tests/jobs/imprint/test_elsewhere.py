"""Drift beside the retention text, and the control at the same imprint, in a run."""

import json
import shutil
from pathlib import Path

import pytest

from litho.core.runs import RunDirectory
from litho.jobs.imprint import control
from litho.jobs.imprint.config import ImprintConfig, ImprintSpec
from litho.jobs.imprint.elsewhere import written_elsewhere
from litho.jobs.imprint.history import Check, Step
from litho.jobs.imprint.job import ImprintJob
from litho.jobs.imprint.result import ImprintResult
from litho.jobs.models import Models
from litho.measure.printing.curve import drift_at
from litho.model.loaded import LanguageModel
from litho.model.sources import locate
from litho.show.report import write_report
from tests.builders import CHAT_TEMPLATE, Silent


def test_a_run_says_what_changed_elsewhere(finished: Path) -> None:
    result = ImprintResult(**json.loads((finished / "metrics.json").read_text()))
    drift = result.drift
    assert drift.far == drift.retention and drift.near and drift.near.n == 2
    assert drift.chat is None  # the tiny model has no chat template
    assert {kind: mean.n for kind, mean in drift.by_kind.items()} == {"diary": 2, "faq": 1}
    assert drift.moved is not None and len(drift.moved) <= (drift.moved_count or 0)
    page = (finished / "report.html").read_text()
    assert "Text near it" in page and "Drift by kind of writing (2)" in page
    assert ("no token moved by more than 1 nat" in page) is (not drift.moved)


def test_the_control_is_read_where_it_knew_as_much(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = RunDirectory.opened(Path(shutil.copytree(finished, tmp_path / "run")))
    result = ImprintResult(**run.read_json("metrics.json"))
    # The tiny model gains nothing from the open book: it has no imprint to be read at.
    plain = result.controls["duplicates"]
    assert plain.drift_at_same_imprint is None
    checks = [
        Check(presentations=n, anchor=None, imprint={"gen": gen}, drift_self=0, drift_retention=d)
        for n, gen, d in ((2, 0.2, 0.1), (4, 0.6, 0.5))
    ]
    steps = [
        Step(presentations=c.presentations, tokens=9, loss=1, drift=None, weight=None, check=c)
        for c in checks
    ]
    monkeypatch.setattr(control, "steps_of", lambda run, arm: steps)
    read = control.control_metrics(run, "duplicates", plain, 0.5)
    assert read.drift_at_same_imprint == drift_at([(0.2, 0.1), (0.6, 0.5)], 0.5)
    assert read.imprint == plain.imprint and read.drift == plain.drift
    result.controls["duplicates"] = read
    run.write_json("metrics.json", result.model_dump())
    page = write_report(run).read_text()
    assert "the control had drifted by 0.4000 (0.1000 and 0.5000 at the checks beside it)" in page


def test_runs_of_earlier_versions_are_reported(finished: Path, tmp_path: Path) -> None:
    run = RunDirectory.opened(Path(shutil.copytree(finished, tmp_path / "run")))
    metrics = run.read_json("metrics.json")
    for arm in (metrics, metrics["controls"]["duplicates"]):
        arm["drift"] = {"retention": arm["drift"]["retention"]}
    del metrics["controls"]["duplicates"]["drift_at_same_imprint"]
    run.write_json("metrics.json", metrics)
    page = write_report(run).read_text()
    assert (
        "What changed elsewhere" not in page
        and "What changed elsewhere" in (finished / "report.html").read_text()
    )


@pytest.fixture
def job(inputs: ImprintSpec, quick: ImprintConfig, tmp_path: Path) -> ImprintJob:
    run = RunDirectory(tmp_path)
    return ImprintJob(run, inputs, quick, locate("tiny:llama"), Models(), Silent())


def test_the_base_writes_once_in_a_run(job: ImprintJob, llama: LanguageModel) -> None:
    llama.tokenizer.chat_template = CHAT_TEMPLATE
    written = written_elsewhere(job, llama)
    assert len(written.near) == len(written.chat) == 2
    llama.tokenizer.chat_template = None
    assert written_elsewhere(job, llama) == written


def test_a_template_that_fails_ends_no_run(job: ImprintJob, llama: LanguageModel) -> None:
    llama.tokenizer.chat_template = "{{ raise_exception('system first') }}"
    written = written_elsewhere(job, llama)
    assert written.near and not written.chat
