"""Starts the processes of the jobs, one at a time, and sees when one is gone."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from filelock import Timeout

from litho.core.runs import LEDGER, PARTIAL
from litho.serve.desk import SAFE
from litho.serve.queue import Queue
from litho.serve.worker import lock_of, throw_away

TICK = 0.4  # seconds
DEATHS = 3  # of processes at one job, after which it is given up


class Keeper:
    """A thread that has the jobs of a folder done; they go on when it ends."""

    def __init__(self, folder: Path, queue: Queue, meanwhile: Callable[[], None]) -> None:
        """`meanwhile` is called again and again, too."""
        self._folder, self._queue, self._meanwhile = folder, queue, meanwhile
        self._over = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._number = 0  # of its job
        self._thread = threading.Thread(target=self._keep, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Start no more processes; the one that is at work goes on."""
        self._over.set()
        self._thread.join()

    def _keep(self) -> None:
        while not self._over.is_set():
            with suppress(Exception):  # a full disk, a store in use: later it may go
                self.look()
                self._meanwhile()
            self._over.wait(TICK)

    def look(self) -> None:
        """Start the next job if no process is at work."""
        if self._process and self._process.poll() is None:
            return
        lock = lock_of(self._folder)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            return  # of an earlier server
        with lock:
            if self._process and self._process.returncode:
                self._queue.begin(self._number)  # what died before it had begun has died, too
            self._process = None
            for job in self._queue.jobs("running"):
                if job.wanted == "cancel":
                    throw_away(self._queue, job, self._folder / job.run)
                else:
                    got_on = _kept(self._folder / job.run, job.began or 0.0)
                    self._queue.died(job, DEATHS, got_on)
            waiting = self._queue.jobs("queued")
        if waiting:
            self._number = waiting[0].id
            self._process = started(self._folder, self._number)


def _kept(run: Path, since: float) -> bool:
    """Whether a stage of a run, or a piece of shared work, has been finished since then.

    The ledger of an unfinished print holds steps that are done again, and does not count.
    """
    half = run.with_name(run.name + PARTIAL)
    files = (half / "seconds.json", run / "seconds.json", run / LEDGER)
    return any(file.is_file() and file.stat().st_mtime > since for file in files)


def started(folder: Path, number: int) -> "subprocess.Popen[bytes]":
    """The process of a job, which lives on when this one ends and writes no log."""
    return subprocess.Popen(
        [sys.executable, *SAFE, "-m", "litho.serve.worker", str(folder), str(number)],
        cwd=folder,
        env=os.environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
