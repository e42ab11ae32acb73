"""Command lines of Litho as stages of a DVC pipeline: what each reads and writes."""

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from litho.core.errors import LithoError, first_line
from litho.core.files import whole_file

Stage = dict[str, Any]
_NAME = re.compile(r"[\w-]+\Z")  # DVC takes no others
_WRITTEN = ("out", "resume", "checkpoints")  # paths that a command does not read


def stage_of(words: Sequence[str], out: Path, values: Mapping[str, Any]) -> Stage:
    """The stage of a command line: `values` are those of its arguments and options by name."""
    return {
        "cmd": shlex.join(["litho", "once", *words]),
        "deps": sorted({path.as_posix() for path in _read(values)}),
        "outs": [out.as_posix()],
    }


def _read(values: Mapping[str, Any]) -> Iterator[Path]:
    """Files and folders that a command reads, those that belong to others included."""
    from litho.jobs.diff.config import split_name
    from litho.text.pages import BESIDE

    for name, value in values.items():
        if name in _WRITTEN:
            continue
        given = value if isinstance(value, list | tuple) else [value]
        for path in (each for each in given if isinstance(each, Path)):
            yield path
            if path.suffix in (".yaml", ".yml") and path.is_file():
                yield from _named_in(path)
            if name == "pages" and values.get("probes") is None:
                beside = (path.with_name(path.stem + ending) for ending in BESIDE)
                yield from (each for each in beside if each.is_file())
    for name in ("model", "before", "after"):  # names of models may be folders
        value = values.get(name)
        if isinstance(value, str):
            yield from (Path(part) for part in split_name(value) if part and Path(part).exists())


def _named_in(settings: Path) -> Iterator[Path]:
    """Files that a plan or a genome names, from its own folder."""
    import yaml

    try:
        waiting = [yaml.safe_load(settings.read_text(encoding="utf-8"))]
    except (OSError, ValueError, yaml.YAMLError):
        return  # the command itself will say what is wrong
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value
        elif isinstance(value, str) and 0 < len(value) < 200 and "\n" not in value:
            path = settings.parent / value
            if value not in (".", "..") and path.exists():
                yield path


def as_yaml(stages: Mapping[str, Stage], *outs: Path) -> str:
    """A whole dvc.yaml."""
    import yaml

    metrics = [(out / "metrics.json").as_posix() for out in outs]
    return yaml.safe_dump(
        {"stages": dict(stages), "metrics": metrics}, sort_keys=False, allow_unicode=True
    )


def write_stage(file: Path, name: str, stage: Stage, out: Path) -> None:
    """Put a stage into a dvc.yaml, in place of one of the same name.

    Raises LithoError if the file would lose comments, or is none that DVC reads.
    """
    import yaml

    if not _NAME.match(name):
        raise LithoError(
            f"{name!r} is no name of a stage: choose letters, digits, _ and - (--name)"
        )
    there = _read_pipeline(file)
    there["stages"] = {**(there.get("stages") or {}), name: stage}
    metrics = (out / "metrics.json").as_posix()
    there["metrics"] = list(dict.fromkeys([*(there.get("metrics") or []), metrics]))
    with whole_file(file) as written:
        text = yaml.safe_dump(there, sort_keys=False, allow_unicode=True)
        written.write_text(text, encoding="utf-8")


def _read_pipeline(file: Path) -> dict[str, Any]:
    import yaml

    if not file.exists():
        return {}
    try:
        text = file.read_text(encoding="utf-8")
        there = yaml.safe_load(text)
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise LithoError(f"{file} cannot be read: {first_line(error)}") from None
    if there is None:
        there = {}
    if not isinstance(there, dict) or not isinstance(there.get("stages") or {}, dict):
        raise LithoError(f"{file} is no pipeline of DVC: move it away")
    if re.search(r"^\s*#|\s#", text, re.MULTILINE):
        raise LithoError(
            f"{file} holds comments, which would be lost: add the stage yourself (--print shows it)"
        )
    return there
