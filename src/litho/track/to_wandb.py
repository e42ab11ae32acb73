"""Weights & Biases: offline unless WANDB_MODE says otherwise."""

import os
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from litho.track.tracker import Followed


class Run:
    """A run in a folder `wandb/` or, with WANDB_MODE=online, on the server."""

    def __init__(self, followed: Followed) -> None:
        os.environ.setdefault("WANDB_ERROR_REPORTING", "false")  # to the makers of wandb
        mode = os.environ.get("WANDB_MODE", "offline")
        self.remote = mode not in ("offline", "disabled", "dryrun")
        self._wandb: Any = import_module("wandb")
        # Neither what is printed nor the code around it is ours to give away.
        quiet = self._wandb.Settings(
            silent=True, console="off", disable_git=True, save_code=False, disable_code=True
        )
        self._run = self._wandb.init(
            project=os.environ.get("WANDB_PROJECT", "litho"),
            id=followed.id,
            name=followed.name,
            resume="allow",
            mode=mode,
            config=dict(followed.settings),
            settings=quiet,
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
