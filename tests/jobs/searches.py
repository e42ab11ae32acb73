"""Searches that are played in a made-up world, without any training."""

from collections.abc import Callable
from typing import Any, TypeVar

from litho.jobs.evolve.race import Individual, Race

Trial = TypeVar("Trial")
Told = TypeVar("Told")
One = TypeVar("One", bound=Individual[Any, Any])


def play(
    search: Race[Trial, Told, One], tell: Callable[[Trial], Told]
) -> tuple[list[Trial], list[One]]:
    """All trials that a search asks for, and what it knows in the end."""
    asked: list[Trial] = []
    try:
        trials = next(search)
        while True:
            asked += trials
            trials = search.send([tell(trial) for trial in trials])
    except StopIteration as ended:
        return asked, ended.value
