"""Weights & Biases: offline unless WANDB_MODE says otherwise."""

import os
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from litho.track.tracker import Followed

# What is printed, the command line with its paths, the code around it and the machine are not ours
# to give away. Names that begin with x_ are not promised to stay.
_QUIET = {
    "silent": True,
    "console": "off",
    "disable_git": True,
    "disable_code": True,
    "save_code": False,
    "disable_job_creation": True,
    "x_disable_meta": True,
    "x_disable_stats": True,
    "x_disable_machine_info": True,
    "x_save_requirements": False,
}


class Run:
    """A run in a folder `wandb/` or, with WANDB_MODE=online, on the server."""

    def __init__(self, followed: Followed) -> None:
        os.environ.setdefault("WANDB_ERROR_REPORTING", "false")  # to the makers of wandb
        mode = os.environ.get("WANDB_MODE", "offline")
        self.remote = mode not in ("offline", "disabled", "dryrun")
        self._wandb: Any = import_module("wandb")
        known = self._wandb.Settings.model_fields
        quiet = {name: value for name, value in _QUIET.items() if name in known}
        self._run = self._wandb.init(
            project=os.environ.get("WANDB_PROJECT", "litho"),
            id=followed.id,
            name=followed.name,
            resume="allow",
            mode=mode,
            config=dict(followed.settings),
            settings=self._wandb.Settings(**quiet),
        )
        self._stages: set[str] = set()

    def curve(self, stage: str, step: int, values: Mapping[str, float]) -> None:
        at = f"{stage}/step"
        if stage not in self._stages:
            self._stages.add(stage)
            self._run.define_metric(f"{stage}/*", step_metric=at)
        self._run.log({at: step, **{f"{stage}/{name}": value for name, value in values.items()}})

    def numbers(self, values: Mapping[str, float]) -> None:
        self._run.summary.update(dict(values))

    def attach(self, file: Path) -> None:
        artifact = self._wandb.Artifact(name=f"{file.stem}-{self._run.id}", type=file.stem)
        artifact.add_file(str(file))
        self._run.log_artifact(artifact)

    def close(self, finished: bool) -> None:
        self._run.finish(exit_code=0 if finished else 1)


opened = Run
