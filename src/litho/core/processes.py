"""Where pieces of work are done: in several fresh processes on this machine."""

import multiprocessing
import signal
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection
from queue import SimpleQueue
from typing import Self

from litho.core.errors import LithoError
from litho.core.work import Piece, Result

DEATHS = 3  # of workers at one piece, after which the piece is given up
_CONTEXT = multiprocessing.get_context("spawn")  # nothing is shared: neither locks nor threads


class Processes:
    """Processes that each do one piece after the other.

    A process keeps what a piece leaves in its globals, such as an opened model, for the next one.
    Pieces are sent to it pickled and never written to a file.
    """

    def __init__(self, slots: int, begin: Callable[[], object] | None = None) -> None:
        """`begin` is called in each process before its first piece."""
        self.slots = slots
        self._begin = begin
        self._closed = False
        self._workers: list[_Worker] = []
        self._idle: SimpleQueue[_Worker | None] = SimpleQueue()
        for _ in range(slots):
            self._idle.put(None)  # a process is started when there is something to do

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._closed = True
        for worker in [*self._workers]:
            worker.stop()

    def do(self, piece: Piece) -> Result:
        """Do a piece in a process; if that dies, in a fresh one.

        Raises LithoError if it dies every time, and whatever the piece itself raises.
        """
        worker = self._idle.get()
        try:
            for _ in range(DEATHS):
                worker = worker or self._started()
                try:
                    return worker.do(piece)
                except EOFError:
                    self._workers.remove(worker)
                    died = worker.exit_code()
                    worker = None
                if self._closed:
                    break
            raise LithoError(
                f"a piece of work killed its process {DEATHS} times (exit code {died}): if memory "
                "is short, use fewer processes"
            )
        finally:
            self._idle.put(worker)

    def _started(self) -> "_Worker":
        worker = _Worker(self._begin)
        self._workers.append(worker)
        return worker


class _Worker:
    """A process and the near end of the pipe to it."""

    def __init__(self, begin: Callable[[], object] | None) -> None:
        self._pipe, far = _CONTEXT.Pipe()
        self._process = _CONTEXT.Process(target=_serve, args=(far, begin), daemon=True)
        # A process inherits what is blocked: Ctrl-C while it starts is for us alone.
        blocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            self._process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
        far.close()  # else the pipe would stay open when the process dies

    def do(self, piece: Piece) -> Result:
        """Raises EOFError if the process dies, and what the piece raises."""
        try:
            self._pipe.send(piece)
            result, error = self._pipe.recv()
        except OSError:
            raise EOFError from None
        if error is not None:
            raise error
        return result

    def exit_code(self) -> int | None:
        self._process.join()
        return self._process.exitcode

    def stop(self) -> None:
        self._process.kill()
        self._process.join()


def _serve(pipe: Connection, begin: Callable[[], object] | None) -> None:
    """Do pieces until the other end of the pipe is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that we work for
    if begin:
        begin()
    while True:
        try:
            piece: Piece = pipe.recv()
        except EOFError:
            return
        except Exception as error:  # it was made from something that is not installed here
            pipe.send((None, _sendable(error)))
            continue
        try:
            pipe.send((piece(), None))
        except Exception as error:
            pipe.send((None, _sendable(error)))


def _sendable(error: Exception) -> Exception:
    """Not every error survives being sent; what the user is told by is what ours say."""
    if type(error) is LithoError:
        return error
    told = RuntimeError(f"{type(error).__name__}: {error}")
    told.add_note(traceback.format_exc())
    return told
