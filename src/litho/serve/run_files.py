"""What the files of a run say, whoever wrote them: nothing in them is taken for granted."""

import json
from pathlib import Path
from typing import Any

import yaml
from filelock import FileLock, Timeout

from litho.core.errors import LithoError
from litho.core.runs import INPUTS, MANIFEST, METRICS
from litho.jobs.imprint.result import ImprintResult

MOST_BYTES = 50_000_000  # of a file
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def manifest_of(path: Path) -> dict[str, Any]:
    """The manifest of a run. Raises LithoError if it cannot be read."""
    try:
        read = yaml.load(_content(path / MANIFEST), _LOADER)
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        raise LithoError(f"{path / MANIFEST} cannot be read ({type(error).__name__})") from None
    if not isinstance(read, dict):
        raise LithoError(f"{path / MANIFEST} is no manifest")
    return read


def words_in(values: object, key: str) -> str:
    """The text under a key; empty where there is none, or something else."""
    said = values.get(key) if isinstance(values, dict) else None
    return said if isinstance(said, str) else ""


def metrics_of(path: Path) -> Any:  # noqa: ANN401  JSON of any command
    """The numbers of a run, None if it has none yet. Raises LithoError if they cannot be read."""
    return json_in(path / METRICS)


def inputs_of(path: Path) -> Any:  # noqa: ANN401  JSON of any command
    return json_in(path / INPUTS)


def printed(path: Path) -> ImprintResult | None:
    """What a finished run of `imprint` found; None of other runs, and of ones that lack it."""
    if manifest_of(path).get("command") != "imprint":
        return None
    try:
        return ImprintResult(**metrics_of(path))
    except (TypeError, ValueError):
        return None


def json_in(path: Path) -> Any:  # noqa: ANN401  whatever it holds
    """A file of a run, None if it is not there. Raises LithoError if it cannot be read."""
    try:
        return json.loads(_content(path))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError) as error:
        raise LithoError(f"{path} cannot be read ({type(error).__name__})") from None


def _content(path: Path) -> str:
    if path.stat().st_size > MOST_BYTES:
        raise LithoError(f"{path} is too large to be the file of a run")
    return path.read_text(encoding="utf-8")


def check_idle(path: Path) -> None:
    """Raises LithoError if a process is at work on a run that several may work on."""
    for lock in [path / ".lock", *path.glob("locks/*")]:
        if lock.is_file():
            try:
                FileLock(lock, timeout=0).acquire().lock.release()
            except Timeout:
                raise LithoError(
                    f"another process works on {path.name}: stop it, or wait until it is done"
                ) from None


def forget(run: Path) -> None:
    """Delete what lies beside a run that was deleted: the page of a school, which loads itself."""
    from litho.jobs.school.result import LIVE_PAGE

    run.with_name(run.name + LIVE_PAGE).unlink(missing_ok=True)
