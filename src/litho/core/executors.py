"""Where pieces of work are done: on the machines of a Ray cluster."""

import logging
import socket
from importlib.util import find_spec
from queue import SimpleQueue
from typing import Any, Self

from litho.core.errors import LithoError, first_line
from litho.core.work import Piece, Result

ATTEMPTS = 2  # of a piece that hangs; one whose worker dies is begun again
DEATHS = 3


class Cluster:
    """A connection to the machines. All of them need Litho, and models under the same names.

    Work is done by one process for each CPU, or for each GPU if it is for GPUs: such a process has
    its GPU, and the model there, to itself as long as the connection lasts.
    """

    def __init__(self, address: str, patience: float, on_gpus: bool = False) -> None:
        """`patience`: seconds until a piece counts as hanging.

        Raises LithoError if Ray is not installed, nothing answers at the address, or GPUs are
        wanted and the cluster has none.
        """
        check_cluster(address)
        import ray

        self._ray, self._patience = ray, patience
        try:
            ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
        except (ConnectionError, RuntimeError, ValueError) as error:
            raise LithoError(f"no Ray cluster answers at {address!r}: {error}") from None
        there = ray.cluster_resources()  # type: ignore[no-untyped-call]
        self.slots = int(there.get("GPU" if on_gpus else "CPU", 0 if on_gpus else 1))
        if not self.slots:
            ray.shutdown()
            raise LithoError(
                f"the Ray cluster at {address!r} has no GPU: choose device cpu, or start its nodes "
                "with --num-gpus"
            )
        self._task = ray.remote(num_cpus=1, max_retries=DEATHS)(_done)
        self._worker: Any = ray.remote(num_cpus=1, num_gpus=1)(_Worker)
        self._on_gpus = on_gpus
        self._free: SimpleQueue[Any] = SimpleQueue()  # workers with a GPU each; None: to be begun
        for _ in range(self.slots):
            self._free.put(None)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._ray.shutdown()

    def do(self, piece: Piece) -> Result:
        """Do a piece on one CPU of the cluster, or on one of its GPUs.

        Raises LithoError if it hangs or is lost, and whatever the piece itself raises.
        """
        return self._on_a_gpu(piece) if self._on_gpus else self._on_a_cpu(piece)

    def _on_a_cpu(self, piece: Piece) -> Result:
        errors = self._ray.exceptions
        for _ in range(ATTEMPTS):
            reference = self._task.remote(piece)
            try:
                return self._ray.get(reference, timeout=self._patience)
            except errors.GetTimeoutError:
                self._ray.cancel(reference, force=True)
            except errors.RayTaskError as error:
                raise error.cause from None
            except errors.RayError as error:
                raise _lost(error) from None
        raise self._too_long()

    def _on_a_gpu(self, piece: Piece) -> Result:
        """By a process that keeps its GPU; one that dies or hangs gives way to another."""
        errors = self._ray.exceptions
        hung = died = 0
        while hung < ATTEMPTS:
            worker = self._free.get() or self._worker.remote()
            try:
                result: Result = self._ray.get(worker.do.remote(piece), timeout=self._patience)
            except errors.GetTimeoutError:
                hung += 1
                self._replace(worker)
            except errors.RayTaskError as error:
                self._free.put(worker)
                raise error.cause from None
            except errors.RayError as error:
                died += 1
                self._replace(worker)
                if died > DEATHS:
                    raise _lost(error) from None
            else:
                self._free.put(worker)
                return result
        raise self._too_long()

    def _replace(self, worker: Any) -> None:  # noqa: ANN401  Ray's handle of a process
        self._ray.kill(worker)
        self._free.put(None)

    def _too_long(self) -> LithoError:
        return LithoError(
            f"a run took longer than {self._patience:.0f} s on the cluster, {ATTEMPTS} times"
        )


def check_cluster(address: str) -> None:
    """Raises LithoError if Ray is not installed or nothing listens at the address.

    Ray itself would go on trying for minutes.
    """
    if not find_spec("ray"):
        raise LithoError("a cluster needs Ray: pip install 'litho[cluster]'")
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if host and port.isdigit():
        try:
            socket.create_connection((host, int(port)), timeout=10).close()
        except OSError as error:
            raise LithoError(f"no Ray cluster answers at {address!r}: {error}") from None


def _lost(error: Exception) -> LithoError:
    return LithoError(f"a run was lost on the cluster: {first_line(error)}")


def _done(piece: Piece) -> Result:
    return piece()


class _Worker:
    """A process with a GPU of its own: what a piece leaves in memory serves the next one."""

    def do(self, piece: Piece) -> Result:
        return piece()
