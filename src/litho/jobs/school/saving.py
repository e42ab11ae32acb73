"""A school's model on the disk."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from litho.model.learner import Learner
from litho.model.loaded import LanguageModel
from litho.model.loading import load
from litho.model.placement import Placement
from litho.model.sources import locate


def save_whole(learner: Learner, folder: Path) -> None:
    """Save a model as transformers loads it; the folder is there whole or not at all."""
    half = folder.with_name(f".{folder.name}.saved")
    for path in (half, folder):
        shutil.rmtree(path, ignore_errors=True)
    learner.save(half)
    half.replace(folder)


@contextmanager
def speaking(learner: Learner, run: Path, placement: Placement) -> Iterator[LanguageModel]:
    """A learner as it is now, as a model that can be asked. `run`: where there is room for it."""
    there = run / ".asked"
    shutil.rmtree(there, ignore_errors=True)
    learner.save(there)
    try:
        yield load(locate(str(there)), placement)
    finally:
        shutil.rmtree(there, ignore_errors=True)
