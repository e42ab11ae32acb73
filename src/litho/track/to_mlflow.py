"""MLflow: a local store unless MLFLOW_TRACKING_URI names another."""

import os
import time
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from litho.track.tracker import Followed

TAG = "litho.id"
_LOCAL = ("file:", "sqlite:", "/", ".")
_AT_ONCE = 100  # parameters or metrics in one request: the most that MLflow takes of both
_LONGEST = 500  # characters of a parameter


class Run:
    """A run of the experiment MLFLOW_EXPERIMENT_NAME, by default `litho`."""

    def __init__(self, followed: Followed) -> None:
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # to the makers of MLflow
        # Stores of files still work; MLflow only asks to choose them on purpose.
        os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")
        where = os.environ.get("MLFLOW_TRACKING_URI") or Path("mlruns").absolute().as_uri()
        self.remote = not where.startswith(_LOCAL)
        self._entities: Any = import_module("mlflow.entities")
        self._client: Any = import_module("mlflow.tracking").MlflowClient(tracking_uri=where)
        self._id = self._begun(followed)
        for part in _parts(followed.settings):
            params = [self._entities.Param(k, str(value)[:_LONGEST]) for k, value in part]
            self._client.log_batch(self._id, params=params)

    def _begun(self, followed: Followed) -> str:
        name = os.environ.get("MLFLOW_EXPERIMENT_NAME", "litho")
        there = self._client.get_experiment_by_name(name)
        experiment = there.experiment_id if there else self._client.create_experiment(name)
        same = f"tags.`{TAG}` = '{followed.id}'"
        for run in self._client.search_runs([experiment], same, max_results=1):
            self._client.update_run(run.info.run_id, status="RUNNING")
            return str(run.info.run_id)
        run = self._client.create_run(experiment, tags={TAG: followed.id}, run_name=followed.name)
        return str(run.info.run_id)

    def curve(self, stage: str, step: int, values: Mapping[str, float]) -> None:
        self._log({f"{stage}/{name}": value for name, value in values.items()}, step)

    def numbers(self, values: Mapping[str, float]) -> None:
        self._log(values, 0)

    def _log(self, values: Mapping[str, float], step: int) -> None:
        now = int(time.time() * 1000)
        for part in _parts(values):
            metrics = [self._entities.Metric(name, value, now, step) for name, value in part]
            self._client.log_batch(self._id, metrics=metrics)

    def attach(self, file: Path) -> None:
        self._client.log_artifact(self._id, str(file))

    def close(self, finished: bool) -> None:
        self._client.set_terminated(self._id, status="FINISHED" if finished else "KILLED")


def _parts(values: Mapping[str, Any]) -> list[list[tuple[str, Any]]]:
    """Names and values, some at a time."""
    items = list(values.items())
    return [items[i : i + _AT_ONCE] for i in range(0, len(items), _AT_ONCE)]


opened = Run
