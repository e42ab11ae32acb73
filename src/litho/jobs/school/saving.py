"""A school's model on the disk."""

import shutil
from pathlib import Path

from litho.model.learner import Learner


def save_whole(learner: Learner, folder: Path) -> None:
    """Save a model as transformers loads it; the folder is there whole or not at all."""
    half = folder.with_name(f".{folder.name}.saved")
    for path in (half, folder):
        shutil.rmtree(path, ignore_errors=True)
    learner.save(half)
    half.replace(folder)
