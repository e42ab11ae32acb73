"""What a tracker is to a job, and which ones were asked for."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol, cast

from litho.core.errors import LithoError

VARIABLE = "LITHO_TRACK"  # names of trackers, with commas
TRACKERS = ("wandb", "mlflow", "tensorboard")  # each is a package, an extra and a module here


@dataclass(frozen=True)
class Followed:
    """A run as a tracker first hears of it."""

    id: str  # the same when the run is resumed
    name: str
    folder: Path  # where it is worked on
    settings: Mapping[str, str | int | float | bool]  # what its result depends on, but for texts


class Tracker(Protocol):
    """One run in a tracker. Any of the methods may raise what it likes."""

    remote: bool  # whether what it is given goes to another machine

    def curve(self, stage: str, step: int, values: Mapping[str, float]) -> None:
        """Measurements after `step` steps of a stage."""
        ...

    def numbers(self, values: Mapping[str, float]) -> None:
        """What a finished run measured."""
        ...

    def attach(self, file: Path) -> None:
        """Keep a file with the run."""
        ...

    def close(self, finished: bool) -> None:
        """No more is to come, at least for now."""
        ...


def chosen() -> list[str]:
    """The trackers that $LITHO_TRACK names.

    Raises LithoError if one is unknown or not installed.
    """
    names = [name.strip() for name in os.environ.get(VARIABLE, "").split(",")]
    names = [name for name in dict.fromkeys(names) if name]
    if unknown := [name for name in names if name not in TRACKERS]:
        raise LithoError(f"unknown tracker {unknown[0]!r}: choose from {', '.join(TRACKERS)}")
    if missing := [name for name in names if find_spec(name) is None]:
        raise LithoError(
            f"the tracker {missing[0]} is not installed: pip install 'litho[{missing[0]}]'"
        )
    return names


def begin(name: str, run: Followed) -> Tracker:
    """Begin a run in a tracker, or go on with it there."""
    opened = cast("Callable[[Followed], Tracker]", import_module(f"litho.track.to_{name}").opened)
    return opened(run)
