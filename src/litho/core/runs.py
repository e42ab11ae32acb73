"""Run directories: written under a temporary name, renamed when whole, resumable in between.

A run is `NAME.partial/` until it is done and `NAME/` after that. Every file in it appears
whole or not at all, so a killed process leaves nothing that a resumed one could misread.

Where several processes may work on one run it is `NAME/` from the start, and done once it has its
`metrics.json`.
"""

import json
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from filelock import FileLock, Timeout

from litho.core.errors import LithoError
from litho.core.files import WRITING, whole_file

PARTIAL = ".partial"
MANIFEST, INPUTS, METRICS = "manifest.yaml", "inputs.json", "metrics.json"
_CLOCK, _LOCK = "seconds.json", ".lock"


class RunDirectory:
    """One run on disk. Make it with `create`, `join`, `resume` or `opened`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = FileLock(path / _LOCK)
        self._began = time.monotonic()
        self._earlier = self.read_json(_CLOCK) if (path / _CLOCK).exists() else 0.0

    @classmethod
    def create(cls, path: Path) -> "RunDirectory":
        """Start a run that will end up at `path`.

        Raises LithoError if something is there already or the folder cannot be written.
        """
        path = check_free(path)
        run = cls(_made(path.with_name(path.name + PARTIAL), path))._locked()
        if (run.path / MANIFEST).is_file():  # another process was quicker
            run.release()
            check_free(path)
        return run

    @classmethod
    def join(cls, path: Path) -> "RunDirectory":
        """A run on which several processes may work, whether it is there already or not."""
        return cls(_made(path.absolute(), path))

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
                f"'litho report {final}' writes it"
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
            raise LithoError(f"{self.path} is in use by another Litho process") from None
        return self

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Run the block while no other process that has joined the run does."""
        with self._lock:
            yield

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
                left.unlink()
            self.path.replace(self.final_path)
        self.path = self.final_path
        return self.path

    def discard(self) -> None:
        """Delete the run."""
        self.release()
        shutil.rmtree(self.path, ignore_errors=True)

    def release(self) -> None:
        self._lock.release()

    def write_text(self, name: str, text: str) -> None:
        with whole_file(self.path / name) as path:
            path.write_text(text, encoding="utf-8")

    def read_text(self, name: str) -> str:
        return (self.path / name).read_text(encoding="utf-8")

    def write_json(self, name: str, value: object) -> None:
        self.write_text(name, json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False))

    def read_json(self, name: str) -> Any:  # noqa: ANN401  whatever was written
        return json.loads(self.read_text(name))

    def write_yaml(self, name: str, value: object) -> None:
        self.write_text(name, yaml.safe_dump(value, sort_keys=False, allow_unicode=True))

    def read_yaml(self, name: str) -> Any:  # noqa: ANN401  whatever was written
        return yaml.safe_load(self.read_text(name))

    def write_rows(self, name: str, rows: list[dict[str, Any]]) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        with whole_file(self.path / name) as path:
            pq.write_table(pa.Table.from_pylist(rows), path)

    def read_rows(self, name: str) -> list[dict[str, Any]]:
        import pyarrow.parquet as pq

        return pq.read_table(self.path / name).to_pylist()

    def once(self, name: str, compute: Callable[[], Any]) -> Any:  # noqa: ANN401  JSON
        """The JSON in `name`, computed and written if it is not there yet: a stage of the run."""
        if not (self.path / name).exists():
            self.write_json(name, compute())
            self.tick()
        return self.read_json(name)

    @property
    def has_stages(self) -> bool:
        """Whether anything was finished that a resumed run would not do again."""
        return (self.path / _CLOCK).exists()


def check_free(path: Path) -> Path:
    """The absolute path of a run that may be made there. Raises LithoError if it may not."""
    path = path.absolute()
    if path.name.endswith(PARTIAL):
        raise LithoError(f"{path.name} is a name for unfinished runs: choose another --out")
    partial = path.with_name(path.name + PARTIAL)
    if path.exists():
        raise LithoError(f"{path} exists already: choose another folder with --out")
    if (partial / MANIFEST).is_file():  # without one it was killed before it had begun
        raise LithoError(
            f"{partial} holds an unfinished run: continue it with 'litho resume {path}', delete "
            "it, or choose another --out"
        )
    return path


def _made(folder: Path, named: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LithoError(
            f"the output folder {named} cannot be made ({error.strerror}): "
            "choose a writable one with --out"
        ) from None
    return folder
