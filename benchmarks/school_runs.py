"""Schools that several processes raise together, each once, and means over them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock, Timeout
from scipy import stats

import litho
from litho.cli.console import Bars
from litho.core.runs import RunDirectory
from litho.jobs.school.result import SchoolResult


def raise_once(genome: Path, written: str, out: Path, **settings: Any) -> None:  # noqa: ANN401
    """Write the genome and raise a school by it, unless it is there or another process is at it."""
    try:
        with FileLock(out.with_name(f"{out.name}.lock"), timeout=0):
            if not out.exists():
                genome.write_text(written, encoding="utf-8")
                with Bars() as bars:
                    litho.school(genome, out=out, progress=bars, **settings)
    except Timeout:
        return


def result_of(run: Path) -> SchoolResult | None:
    """What a finished school said; None if there is none."""
    if not run.exists():
        return None
    return SchoolResult(**RunDirectory.opened(run).read_json("metrics.json"))


def over(values: Sequence[float], digits: int = 2) -> str:
    """Mean and 95 % t interval over seeds."""
    if len(set(values)) < 2:
        return f"{values[0]:.{digits}f}" if values else "-"
    low, high = stats.t.interval(0.95, len(values) - 1, np.mean(values), stats.sem(values))
    mean, low, high = (f"{each:.{digits}f}" for each in (np.mean(values), low, high))
    return f"{mean} [{low}, {high}]"
