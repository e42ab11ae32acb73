"""Each tracker through its real package, on this machine alone."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from litho.api.runs import run_job
from litho.core.runs import RunDirectory
from litho.track.tracker import VARIABLE, Followed, begin
from tests.track.test_follow import SPEC

ABOUT: dict[str, str | int | float | bool] = {
    "command": "vary",
    "config.count": 3,
    "model.name": "tiny:llama",
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_NAME", "WANDB_MODE", "WANDB_PROJECT"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "report.html").write_text("a report")
    return tmp_path


def told(name: str, folder: Path, finished: bool = True) -> None:
    tracker = begin(name, Followed("abc123", "clock", folder, ABOUT))
    assert not tracker.remote
    for step in (1, 2):
        tracker.curve("printing imprint", step, {"drift": step / 10})
    tracker.numbers({"drift.retention.value": 0.25, "budget": 0.015})
    tracker.attach(folder / "report.html")
    tracker.close(finished)


def test_mlflow_with_a_local_store(folder: Path) -> None:
    tracking: Any = pytest.importorskip("mlflow.tracking", reason="litho[mlflow] is not installed")
    told("mlflow", folder, finished=False)
    told("mlflow", folder)  # resumed
    client = tracking.MlflowClient(tracking_uri=(folder / "mlruns").as_uri())
    experiment = client.get_experiment_by_name("litho")
    (run,) = client.search_runs([experiment.experiment_id])
    assert run.info.run_name == "clock" and run.info.status == "FINISHED"
    assert run.data.params["config.count"] == "3"
    assert run.data.metrics["budget"] == 0.015
    history = client.get_metric_history(run.info.run_id, "printing imprint/drift")
    assert {(each.step, each.value) for each in history} == {(1, 0.1), (2, 0.2)}
    assert [each.path for each in client.list_artifacts(run.info.run_id)] == ["report.html"]


def test_tensorboard(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reading: Any = pytest.importorskip(
        "tensorboard.backend.event_processing.event_accumulator",
        reason="litho[tensorboard] is not installed",
    )
    monkeypatch.setenv(VARIABLE, "tensorboard")
    run_job("vary", SPEC, folder / "runs/clock", None, None, None)
    events = reading.EventAccumulator(str(folder / "runs/clock/tensorboard"))
    events.Reload()
    metrics = RunDirectory.opened(folder / "runs/clock").read_json("metrics.json")
    (value,) = events.Scalars("result/variants.0.volatility.mean_kl")
    assert value.value == pytest.approx(metrics["variants"][0]["volatility"]["mean_kl"])
    told("tensorboard", folder)
    events = reading.EventAccumulator(str(folder / "tensorboard"))
    events.Reload()
    curve = events.Scalars("printing imprint/drift")
    assert {each.step: each.value for each in curve} == pytest.approx({1: 0.1, 2: 0.2})


WANDB = """
from pathlib import Path
from tests.track.test_trackers import told
told("wandb", Path.cwd())
"""


@pytest.mark.processes
def test_wandb_offline(folder: Path) -> None:
    pytest.importorskip("wandb", reason="litho[wandb] is not installed")
    root = str(Path(__file__).parents[2])
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {root!r})\n{WANDB}"],
        capture_output=True, text=True, timeout=120, cwd=folder,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (written,) = folder.glob("wandb/offline-run-*/run-abc123.wandb")
    content = written.read_bytes()
    for part in (b"printing imprint/drift", b"drift.retention.value", b"config.count", b"report"):
        assert part in content
    assert root.encode() not in content and sys.executable.encode() not in content
