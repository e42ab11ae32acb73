"""Where pages have texts read and questions answered: a process that keeps the models loaded."""

import itertools
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from litho.core.errors import LithoError

MOST_WAITING = 8  # questions at once
SAFE = ("-P",)  # to Python: import nothing from the folder that is served
IDLE_S = 20 * 60  # after which the process, with its models, is ended
GONE = (
    "the process that reads was ended, perhaps since memory ran short: choose a smaller model or a "
    "shorter text, or close other programs"
)


class Desk:
    """Answers one question at a time; the process begins with the first and ends when idle."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: subprocess.Popen[str] | None = None
        self._turn, self._waiting = threading.Lock(), threading.Semaphore(MOST_WAITING)
        self._used = time.monotonic()
        self._numbers = itertools.count()  # of questions
        self._latest: dict[str, int] = {}  # estimate of a page; those before it are of no use

    def ask(self, **question: object) -> dict[str, Any]:
        """The last line of the answer. Raises LithoError, as `listen` does."""
        *_, last = self.listen(**question)
        return last

    def listen(self, **question: object) -> Iterator[dict[str, Any]]:
        """The lines of an answer as they come.

        Raises LithoError if the answer is an error, the process dies, too many ask, or an estimate
        was not begun before the same `page` asked for another one.
        """
        number, page = next(self._numbers), str(question.get("page"))
        if question["do"] == "expect":
            self._latest[page] = number
        if not self._waiting.acquire(blocking=False):
            raise LithoError("too many questions at once: wait for an answer")
        try:
            with self._turn:
                if question["do"] == "expect" and number != self._latest[page]:
                    raise LithoError("another estimate has been asked for since")
                yield from self._answered(question)
        finally:
            self._waiting.release()

    def _answered(self, question: dict[str, object]) -> Iterator[dict[str, Any]]:
        process = self._running()
        assert process.stdin and process.stdout
        whole = False
        try:
            process.stdin.write(json.dumps(question) + "\n")
            process.stdin.flush()
            while not whole:
                line = process.stdout.readline()
                if not line:
                    raise BrokenPipeError
                said = json.loads(line)
                whole = "end" in said
                yield _checked(said["end"]) if whole else said
        except OSError:
            raise LithoError(GONE) from None
        finally:
            self._used = time.monotonic()
            if not whole:  # nobody listens any more, or it is gone: what it says next is not ours
                self.end()

    def _running(self) -> "subprocess.Popen[str]":
        if self._process is None or self._process.poll() is not None:
            self._process = subprocess.Popen(
                [sys.executable, *SAFE, "-m", "litho.serve.desk_process"],
                cwd=self._folder,
                env=dict(os.environ),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                encoding="utf-8",
                start_new_session=True,  # Ctrl-C is for the server, which ends this process
            )
        return self._process

    def end_if_idle(self) -> None:
        """Give the memory back where nobody has asked for long."""
        if not self._turn.acquire(blocking=False):
            return  # somebody asks now
        try:
            if time.monotonic() - self._used > IDLE_S:
                self.end()
        finally:
            self._turn.release()

    def end(self) -> None:
        if self._process:
            with suppress(OSError):
                self._process.kill()
            self._process.wait()
            self._process = None


def _checked(end: dict[str, Any]) -> dict[str, Any]:
    if "error" in end:
        raise LithoError(end["error"])
    return end
