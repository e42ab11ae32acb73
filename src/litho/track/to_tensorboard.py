"""TensorBoard: events in the run's own folder, so that `tensorboard --logdir runs` finds them."""

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from litho.track.tracker import Followed

FOLDER = "tensorboard"


class Run:
    """The events of a run; those of a resumed one lie beside the earlier ones."""

    remote = False

    def __init__(self, followed: Followed) -> None:
        writer: Any = import_module("torch.utils.tensorboard").SummaryWriter
        self._writer = writer(str(followed.folder / FOLDER))
        lines = "\n".join(f"    {name}: {value}" for name, value in followed.settings.items())
        self._writer.add_text("settings", lines)

    def curve(self, stage: str, step: int, values: Mapping[str, float]) -> None:
        for name, value in values.items():
            self._writer.add_scalar(f"{stage}/{name}", value, step)

    def numbers(self, values: Mapping[str, float]) -> None:
        for name, value in values.items():
            self._writer.add_scalar(f"result/{name}", value)

    def attach(self, file: Path) -> None:
        """TensorBoard keeps no files; a report lies beside the events."""

    def close(self, finished: bool) -> None:
        self._writer.close()


opened = Run
