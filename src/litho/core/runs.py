"""Run directories: written under a temporary name, renamed when whole, resumable in between.

A run is `NAME.partial/` until it is done and `NAME/` after that. Every file in it appears
whole or not at all, so a killed process leaves nothing that a resumed one could misread.

Where several processes may work on one run it is `NAME/` from the start, and done once it has its
`metrics.json`.
"""

import json
import math
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any

import yaml
from filelock import FileLock, Timeout

from litho.core.errors import LithoError, Taken, command_told
from litho.core.files import WRITING, damage_told, whole_file

PARTIAL = ".partial"
MANIFEST, INPUTS, METRICS = "manifest.yaml", "inputs.json", "metrics.json"
LEDGER = "ledger.sqlite"  # which is enough to go on in another folder
_CLOCK, _LOCK = "seconds.json", ".lock"


class RunDirectory:
    """One run on disk. Make it with `create`, `join`, `resume` or `opened`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = FileLock(path / _LOCK)
        self._began = time.monotonic()
        self._above: list[Path] = []  # folders that were made for this run, the innermost first
        self._earlier = self.read_json(_CLOCK) if (path / _CLOCK).exists() else 0.0

    @classmethod
    def create(cls, path: Path) -> "RunDirectory":
        """Start a run that will end up at `path`.

        Raises LithoError if something is there already or the folder cannot be written.
        """
        path = check_free(path)
        above = [folder for folder in path.parents if not folder.exists()]
        run = cls(made(path.with_name(path.name + PARTIAL), path))._locked()
        run._above = above
        if (run.path / MANIFEST).is_file():  # another process was quicker
            run.release()
            check_free(path)
        return run

    @classmethod
    def join(cls, path: Path) -> "RunDirectory":
        """A run on which several processes may work, whether it is there already or not.

        Raises LithoError if the folder holds other things, or cannot be written.
        """
        _check_name(path.absolute())
        folder = made(path.absolute(), path)
        there = {file.name for file in folder.iterdir()}
        if there and there.isdisjoint((_LOCK, MANIFEST, LEDGER)):
            raise LithoError(f"{path} holds files, but no run of Litho: choose another --out")
        return cls(folder)

    @classmethod
    def resume(cls, path: Path) -> "RunDirectory":
        """Open an unfinished run, named with or without its `.partial` ending."""
        path = path.absolute()
        name = path.name.removesuffix(PARTIAL)
        final, partial = path.with_name(name), path.with_name(name + PARTIAL)
        if (partial / MANIFEST).is_file():
            return cls(partial)._locked()
        if (final / METRICS).is_file():
            raise LithoError(
                f"{final} is finished: there is nothing to resume; if it has no report, "
                f"{command_told('report', final)} writes it"
            )
        if not (final / MANIFEST).is_file():
            raise LithoError(f"{path} is no unfinished run: there is no {partial}/{MANIFEST}")
        return cls(final)

    @classmethod
    def opened(cls, path: Path) -> "RunDirectory":
        """Open a finished run for reading."""
        if not (path / METRICS).is_file():
            raise LithoError(f"{path} is no finished run: there is no {METRICS} in it")
        return cls(path)

    def _locked(self) -> "RunDirectory":
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            raise Taken(f"{self.path} is in use by another Litho process") from None
        except OSError as error:
            raise _unwritable(self.path, error) from None
        return self

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Run the block while no other process that has joined the run does."""
        try:
            self._lock.acquire()
        except OSError as error:
            raise _unwritable(self.path, error) from None
        try:
            yield
        finally:
            self._lock.release()

    @property
    def final_path(self) -> Path:
        return self.path.with_name(self.path.name.removesuffix(PARTIAL))

    @property
    def seconds(self) -> float:
        """Time worked on this run, in this process and in those before it."""
        return self._earlier + time.monotonic() - self._began

    def tick(self) -> None:
        """Note the time worked, for a process that may have to go on from here."""
        self.write_json(_CLOCK, self.seconds)

    def finish(self) -> Path:
        """Give the run its final name."""
        self.release()
        (self.path / _LOCK).unlink(missing_ok=True)
        if self.path != self.final_path:
            for left in self.path.glob(f".*{WRITING}"):  # by processes that were killed
                shutil.rmtree(left) if left.is_dir() else left.unlink()
            self.path.replace(self.final_path)
        self.path = self.final_path
        return self.path

    def discard(self) -> None:
        """Delete the run, and the folders that were made for it."""
        self.release()
        shutil.rmtree(self.path, ignore_errors=True)
        with suppress(OSError):  # another run is there by now
            for folder in self._above:
                folder.rmdir()

    def release(self) -> None:
        self._lock.release()

    def write_text(self, name: str, text: str) -> None:
        with whole_file(self.path / name) as path:
            # What a name of a file may hold that is no text becomes `\udcXX`, as JSON writes it.
            path.write_text(text, encoding="utf-8", errors="backslashreplace")

    def read_text(self, name: str) -> str:
        """Every reader raises LithoError, with the name of the file, where it cannot be read."""
        with self._told(name):
            return (self.path / name).read_text(encoding="utf-8")

    def write_json(self, name: str, value: object) -> None:
        """Raises LithoError where a number is infinite or none, which JSON cannot hold."""
        try:
            text = json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False)
        except ValueError:
            place = next(_not_finite(value), "a number")
            raise LithoError(
                f"{place} of {name} is infinite or no number: the model itself computes no number "
                "there; choose --dtype float32, or look for NaN in its weights"
            ) from None
        self.write_text(name, text)

    def read_json(self, name: str) -> Any:  # noqa: ANN401  whatever was written
        with self._told(name):
            return json.loads(self.read_text(name))

    def write_yaml(self, name: str, value: object) -> None:
        self.write_text(name, yaml.safe_dump(value, sort_keys=False, allow_unicode=True))

    def read_yaml(self, name: str) -> Any:  # noqa: ANN401  whatever was written
        with self._told(name):
            return yaml.safe_load(self.read_text(name))

    def write_rows(self, name: str, rows: list[dict[str, Any]]) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        with whole_file(self.path / name) as path:
            pq.write_table(pa.Table.from_pylist(rows), path)

    def read_rows(self, name: str) -> list[dict[str, Any]]:
        import pyarrow.parquet as pq

        with self._told(name):
            return pq.read_table(self.path / name).to_pylist()

    @contextmanager
    def _told(self, name: str) -> Iterator[None]:
        path = self.path / name
        if not path.is_file():
            raise LithoError(f"{path} is missing: without it the run cannot be read")
        with self.damage_told(name):
            yield

    def damage_told(self, name: str = "") -> AbstractContextManager[None]:
        """What a file of the run makes go wrong, or any of them, is told as such."""
        return damage_told(self.path / name if name else f"a file in {self.path}")

    def once(self, name: str, compute: Callable[[], Any]) -> Any:  # noqa: ANN401  JSON
        """The JSON in `name`, computed and written if it is not there yet: a stage of the run."""
        if not (self.path / name).exists():
            self.write_json(name, compute())
            self.tick()
        return self.read_json(name)

    @property
    def has_metrics(self) -> bool:
        """Whether all numbers of the run are there."""
        return (self.path / METRICS).is_file()

    @property
    def is_finished(self) -> bool:
        """Whether nothing is left that `litho resume` would do."""
        return self.has_metrics and self.path == self.final_path

    @property
    def has_stages(self) -> bool:
        """Whether anything was finished that a resumed run would not do again."""
        return (self.path / _CLOCK).exists()


def _not_finite(value: Any, place: str = "") -> Iterator[str]:  # noqa: ANN401  JSON
    """Where in a JSON value a number is infinite or none."""
    if isinstance(value, float) and not math.isfinite(value):
        yield place
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _not_finite(item, f"{place}.{key}" if place else str(key))
    elif isinstance(value, list | tuple):
        for number, item in enumerate(value):
            yield from _not_finite(item, f"{place}[{number}]")


def check_free(path: Path, option: str = "--out") -> Path:
    """The absolute path of a run that may be made there. Raises LithoError if it may not."""
    path = path.absolute()
    if path.name.endswith(PARTIAL):
        raise LithoError(f"{path.name} is a name for unfinished runs: choose another {option}")
    partial = path.with_name(path.name + PARTIAL)
    _check_name(path)
    if path.exists():
        raise Taken(f"{path} exists already: choose another folder with {option}")
    if (partial / MANIFEST).is_file():  # without one it was killed before it had begun
        raise Taken(
            f"{partial} holds an unfinished run: continue it with {command_told('resume', path)}, "
            f"delete it, or choose another {option}"
        )
    return path


def check_room(folder: Path, needed: int, option: str = "--out") -> None:
    """Raises LithoError if so many bytes do not fit on the disk of a folder, there or not yet."""
    folder = folder.absolute()
    there = next(each for each in (folder, *folder.parents) if each.is_dir())
    free = shutil.disk_usage(there).free
    if needed > free:
        raise LithoError(
            f"the run takes about {needed / 1e9:,.1f} GB in {folder}, and {free / 1e9:,.1f} GB are "
            f"free there: choose another disk with {option}"
        )


def _check_name(path: Path) -> None:
    try:
        str(path).encode()
    except UnicodeEncodeError:
        raise LithoError(f"the path {path} is no text in UTF-8: choose another --out") from None


def made(folder: Path, named: Path) -> Path:
    """The folder of a run or a build, made if need be. Raises LithoError if it cannot be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LithoError(
            f"the output folder {named} cannot be made ({error.strerror}): "
            "choose a writable one with --out"
        ) from None
    return folder


def _unwritable(folder: Path, error: OSError) -> LithoError:
    return LithoError(
        f"the output folder {folder} cannot be written ({error.strerror}): "
        "choose a writable one with --out"
    )
