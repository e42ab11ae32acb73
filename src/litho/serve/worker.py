"""The process of one job: `python -m litho.serve.worker FOLDER NUMBER`.

It belongs to no server: it works in the folder, tells the store how far it is, and hears from the
store that it should stop. It holds a lock while it lives, so that anyone can tell whether it does.
"""

import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from litho.core.errors import Cancelled, Interrupted, LithoError, first_line
from litho.core.reporter import Event
from litho.core.runs import MANIFEST, METRICS, PARTIAL, RunDirectory
from litho.serve.queue import FOLDER, Job, Queue
from litho.serve.run_files import check_idle, forget

LISTEN = 0.3  # seconds between two looks into the store
SELDOM = 0.25  # seconds between two events that say no more than how far the job is
STARTING = 5.0  # seconds to wait for a process that only looks whether one is at work


def lock_of(folder: Path) -> FileLock:
    """Held by the process that works on a job of the folder."""
    (folder / FOLDER).mkdir(exist_ok=True)
    return FileLock(folder / FOLDER / "worker.lock")


def work(folder: Path, number: int) -> None:
    """Do a job that waits, from where it was left."""
    queue, lock = Queue(folder), lock_of(folder)
    try:
        lock.acquire(timeout=STARTING)
    except Timeout:
        return
    with lock:
        job = queue.job(number)
        if job and queue.begin(number):
            _Work(folder, queue, job).do()


class _Work:
    def __init__(self, folder: Path, queue: Queue, job: Job) -> None:
        self._run = folder / job.run
        self._queue, self._job = queue, job
        self._stop, self._over = threading.Event(), threading.Event()
        self._told = ("", 0.0)  # the latest stage and when anything was told

    def do(self) -> None:
        listener = threading.Thread(target=self._listen, daemon=True)
        listener.start()
        try:
            self._go()
            self._queue.end(self._job.id, "done")
        except (Interrupted, Cancelled):
            self._stopped()
        except LithoError as error:
            self._queue.end(self._job.id, "failed", str(error))
        except Exception as error:
            said = f"unexpected {type(error).__name__}: {first_line(error)[:300]}"
            self._queue.end(self._job.id, "failed", said)
        finally:
            self._over.set()

    def _go(self) -> None:
        from litho.api import resume
        from litho.api.runs import run_job

        if (self._run / METRICS).is_file() and not _partial(self._run).exists():
            return  # it was done, and only this was not noted any more
        if (_partial(self._run) / MANIFEST).is_file() or self._job.spec is None:
            resume(self._run, progress=self._tell, cancel=self._stop)
            return
        spec = _spec(self._job.command, self._job.spec)
        run_job(self._job.command, spec, self._run, None, self._tell, self._stop)

    def _listen(self) -> None:
        while not self._over.wait(LISTEN):
            job = self._queue.job(self._job.id)
            if job and job.wanted:
                self._stop.set()
                return

    def _stopped(self) -> None:
        self._queue.end(self._job.id, "paused")
        job = self._queue.job(self._job.id)
        if job and job.state == "running":  # it is to be thrown away, also since it was paused
            throw_away(self._queue, job, self._run)

    def _tell(self, event: Event) -> None:
        stage, at = self._told
        now = time.monotonic()
        new = event.note or event.shown or event.stage != stage or event.done == event.total
        if new or now - at > SELDOM:
            self._queue.tell(self._job.id, event)
            self._told = (event.stage, now)


def _spec(command: str, values: dict[str, Any]) -> Any:  # noqa: ANN401  of the command
    from litho.jobs.runner import job_of

    return job_of(command).spec(**values)


def _partial(run: Path) -> Path:
    return run.with_name(run.name + PARTIAL)


def discard(run: Path) -> None:
    """Delete what there is of an unfinished run. Raises LithoError if another process is at it."""
    joint = (run / MANIFEST).is_file() and not (run / METRICS).is_file()
    if joint:
        check_idle(run)
    if joint or (_partial(run) / MANIFEST).is_file():
        RunDirectory.resume(run).discard()
    forget(run)


def throw_away(queue: Queue, job: Job, run: Path) -> None:
    """End a running job with what it has done, or say why that cannot be deleted."""
    try:
        discard(run)
    except LithoError as error:
        queue.end(job.id, "failed", str(error))
    else:
        queue.end(job.id, "cancelled")


def main() -> None:
    folder, number = Path(sys.argv[1]), int(sys.argv[2])
    os.chdir(folder)
    os.environ["HF_HUB_OFFLINE"] = "1"  # nothing that a page asks for reaches another host
    from litho.core.memory import keep_freed_memory

    keep_freed_memory()
    work(folder, number)


if __name__ == "__main__":
    main()
