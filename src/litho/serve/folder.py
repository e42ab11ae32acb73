"""The working folder: its runs, whichever command made them, and nothing above it."""

import json
import math
import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from litho.core.errors import LithoError
from litho.core.runs import MANIFEST, METRICS, PARTIAL
from litho.core.store import Schema, Store
from litho.serve.queue import FOLDER
from litho.serve.run_files import check_idle, forget, manifest_of, metrics_of, words_in

DEEPEST = 3  # folders between the working folder and a run, with the run
MOST_FOLDERS = 20_000  # that are looked through
_SCHEMA = Schema(
    title="the list of runs",
    migrations=(
        "CREATE TABLE runs (path TEXT PRIMARY KEY, stamp TEXT NOT NULL, summary TEXT NOT NULL)",
    ),
    if_damaged=f"delete it: it is made again from the runs (in {FOLDER})",
    if_unusable=f"make the folder {FOLDER} one that can be written",
)


@dataclass(frozen=True)
class Summary:
    """What the list says of a run."""

    path: str  # beneath the working folder, without `.partial`
    command: str
    name: str
    model: str
    finished: bool
    changed: float  # seconds since 1970
    verdict: str = ""
    number: float | None = None  # what says most in one number: imprint, or surprise
    adapter: bool = False
    report: bool = False
    damaged: bool = False  # it cannot be read, only be deleted


class Folder:
    """A folder in which runs lie."""

    def __init__(self, path: Path) -> None:
        """Raises LithoError if it cannot be written to."""
        self.path = path.resolve()
        self._store = Store(self.path / FOLDER / "runs.sqlite", _SCHEMA)

    def inside(self, name: str) -> Path:
        """The path of that name. Raises LithoError if it lies elsewhere, also by a link."""
        if "\0" in name or not name or not is_text(name):
            raise LithoError("this is no path")
        path = (self.path / name).resolve()
        if not path.is_relative_to(self.path) or path == self.path:
            raise LithoError(f"{name} is not beneath the folder that is served")
        if any(part.startswith(".") for part in path.relative_to(self.path).parts):
            raise LithoError(f"{name} is hidden: nothing hidden is served")
        try:
            (path.with_name(path.name + PARTIAL) / MANIFEST).exists()
        except OSError as error:  # the name is longer than names can be
            raise LithoError(f"{name:.100} is no path ({error.strerror})") from None
        return path

    def run(self, name: str) -> Path:
        """The folder of a run, finished or not. Raises LithoError if there is none."""
        path = self.inside(name)
        for there in (path, path.with_name(path.name + PARTIAL)):
            if (there / MANIFEST).is_file() and not there.is_symlink():
                return there
        raise LithoError(f"there is no run {name}")

    def finished_run(self, name: str) -> Path:
        path = self.run(name)
        if not (path / METRICS).is_file():
            raise LithoError(f"the run {name} is not finished")
        return path

    def adapter(self, name: str) -> Path:
        """The adapter of a finished run. Raises LithoError if it has none, or it lies elsewhere."""
        folder = self.inside(f"{self.finished_run(name).relative_to(self.path)}/adapter")
        if not (folder / "adapter_config.json").is_file():
            raise LithoError(f"the run {name} has no adapter")
        return folder

    def delete(self, name: str) -> None:
        """Delete a run for good. Raises LithoError if there is none, or it is at work."""
        from litho.core.runs import RunDirectory

        path = self.run(name)
        if path.name.endswith(PARTIAL):
            RunDirectory.resume(path).discard()
        else:
            check_idle(path)
            shutil.rmtree(path)
        forget(path.with_name(path.name.removesuffix(PARTIAL)))

    def new_run(self, name: str, taken: set[str]) -> str:
        """A name for a run that there is not yet: `runs/NAME-DATE-TIME`."""
        plain = "".join(c if c.isalnum() or c in "-_" else "-" for c in name).strip("-")[:60]
        stamp = f"runs/{plain or 'text'}-{time.strftime('%Y%m%d-%H%M%S')}"
        for number in range(1, 1000):
            path = stamp if number == 1 else f"{stamp}-{number}"
            free = not any((self.path / (path + end)).exists() for end in ("", PARTIAL))
            if path not in taken and free:
                return path
        raise LithoError("too many runs in one second: try again")

    def runs(self) -> list[Summary]:
        """All runs of the folder, the latest first."""
        known = {row["path"]: row for row in self._store.rows("SELECT * FROM runs")}
        found, new = [], []
        for path in self._run_folders():
            name, stamp = str(path.relative_to(self.path)), _stamp(path)
            row = known.get(name)
            if row and row["stamp"] == stamp:
                found.append(Summary(**json.loads(row["summary"])))
                continue
            summary = _summary(path, name)
            if summary:
                found.append(summary)
                new.append((name, stamp, json.dumps(asdict(summary))))
        if new:
            self._store.write("INSERT OR REPLACE INTO runs VALUES (?, ?, ?)", new)
        return sorted(found, key=lambda run: -run.changed)

    def _run_folders(self) -> Iterator[Path]:
        """Folders that hold a manifest; a run within a run is part of it."""
        level, seen = [self.path], 0
        for _ in range(DEEPEST):
            deeper: list[Path] = []
            for folder in level:
                for entry in _folders(folder):
                    seen += 1
                    if seen > MOST_FOLDERS:
                        return
                    path = Path(entry.path)
                    if os.path.exists(f"{entry.path}/{MANIFEST}"):  # noqa: PTH110  quicker
                        yield path
                    else:
                        deeper.append(path)
            level = deeper

    def models(self) -> list[str]:
        """Folders of models beneath the working folder."""
        return sorted(
            f"./{path.relative_to(self.path)}"
            for path in self.path.glob("*/config.json")
            for path in [path.parent]
            if is_text(path.name) and any(path.glob("*.safetensors")) and not path.is_symlink()
        )


def is_text(name: str) -> bool:
    """Whether a name is UTF-8, as names of files need not be: pages and stores hold no other."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _folders(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return [
                entry
                for entry in entries
                if entry.is_dir(follow_symlinks=False)
                and not entry.name.startswith(".")
                and is_text(entry.name)
            ]
    except OSError:
        return []  # not ours to read


def _stamp(path: Path) -> str:
    times = []
    for name in (MANIFEST, METRICS, "report.html"):
        try:
            times.append(str(os.stat(f"{path}/{name}").st_mtime_ns))  # noqa: PTH116  quicker
        except OSError:
            times.append("")
    return " ".join(times)


def _summary(path: Path, name: str) -> Summary | None:
    """What there is to say of a run; nothing of one that is gone meanwhile."""
    own = path.name.removesuffix(PARTIAL)
    try:
        changed = (path / MANIFEST).stat().st_mtime
        manifest = manifest_of(path)
        metrics = metrics_of(path)
        if metrics:
            changed = (path / METRICS).stat().st_mtime
    except OSError:
        return None
    except LithoError:
        return Summary(name.removesuffix(PARTIAL), "", own, "", False, changed, damaged=True)
    finished = metrics is not None and not path.name.endswith(PARTIAL)
    models = [words_in(manifest.get(role), "name") for role in ("model", "before")]
    return Summary(
        path=name.removesuffix(PARTIAL),
        command=words_in(manifest, "command"),
        name=words_in(manifest, "text_name") or own,
        model=next(filter(None, models), ""),
        finished=finished,
        changed=changed,
        verdict=words_in(metrics, "verdict"),
        number=_telling(metrics) if isinstance(metrics, dict) else None,
        adapter=(path / "adapter" / "adapter_config.json").is_file(),
        report=(path / "report.html").is_file(),
    )


def _telling(values: dict[str, Any]) -> float | None:
    try:
        found = values["imprint"]["gen"] if "imprint" in values else values["surprise"]
        value = found.get("value", found.get("mean"))
    except (KeyError, TypeError, AttributeError):
        return None
    number = isinstance(value, int | float) and math.isfinite(value)
    return float(value) if number else None
