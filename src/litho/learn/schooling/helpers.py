"""Processes that take a part of the rows of each step.

Weights and gradients lie in memory that all processes share, so that nothing is copied and a helper
keeps nothing from step to step: optimizer, checkpoints and whatever decides what is read next
stay where they are in one process.
"""

import multiprocessing
import shutil
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import torch
import torch.multiprocessing  # from here on, tensors that are sent are shared
from torch import Tensor, nn

from litho.core.errors import LithoError
from litho.learn.schooling.gradients import Gradients, Rows
from litho.model.learner import Learner
from litho.model.placement import HOST

_CONTEXT = multiprocessing.get_context("spawn")
_SHARED = Path("/dev/shm")  # where there is one, shared memory is no larger
Read = Callable[[nn.Module, Tensor], Tensor]


class Helpers:
    """Other processes, each with its own place for gradients; they start at the first step."""

    def __init__(self, learner: Learner, count: int, subjects: int) -> None:
        self._learner, self._count, self._subjects = learner, count, subjects
        self._helpers: list[_Helper] = []

    def begin(self, rows: Rows) -> Rows:
        """Give each helper its part of the rows; the first part is returned."""
        if not self._helpers:
            self._start()
        parts = len(self._helpers) + 1
        edges = [len(rows) * number // parts for number in range(parts, -1, -1)]
        for helper, last, first in zip(self._helpers, edges, edges[1:], strict=False):
            helper.send(rows.part(first, last))
        return rows.part(0, edges[-2])

    def end(self, own: Gradients, weights: Sequence[nn.Parameter]) -> None:
        """Add what the helpers found. Raises LithoError if one is gone."""
        for helper in self._helpers:
            nats_K, count_K = helper.receive()
            own.nats_K += own.nats_K.new_tensor(nats_K)
            own.count_K += own.count_K.new_tensor(count_K)
            for weight, found in zip(weights, helper.gradients, strict=True):
                if weight.grad is None:
                    weight.grad = found.clone()
                else:
                    weight.grad += found

    def stop(self) -> None:
        for helper in self._helpers:
            helper.stop()

    def _start(self) -> None:
        network, learned = self._learner.network, self._learner.weights.values()
        own = sum(weight.nbytes for weight in (*network.parameters(), *network.buffers()))
        _check_memory(own + self._count * sum(weight.nbytes for weight in learned))
        network.share_memory()
        self._helpers = [_Helper(self._learner, self._subjects) for _ in range(self._count)]


@contextmanager
def helping(learner: Learner, processes: int, subjects: int) -> Iterator[Helpers | None]:
    """Train in so many processes while the block runs; they share the threads of this one.

    None of them helps on a GPU, or where this process is the only one.
    """
    threads = torch.get_num_threads()
    if processes == 1 or learner.device.type != HOST.type:
        yield None
        return
    torch.set_num_threads(max(1, threads // processes))
    helpers = Helpers(learner, processes - 1, subjects)
    try:
        yield helpers
    finally:
        helpers.stop()
        torch.set_num_threads(threads)


class _Helper:
    """A process, its gradients and the near end of the pipe to it."""

    def __init__(self, learner: Learner, subjects: int) -> None:
        self.gradients = [_shared_like(weight) for weight in learner.weights.values()]
        self._pipe, far = _CONTEXT.Pipe()
        given = (far, learner.network, learner.read, self.gradients, subjects)
        self._process = _CONTEXT.Process(
            target=_help, args=(*given, torch.get_num_threads()), daemon=True
        )
        # A process inherits what is blocked: Ctrl-C while it starts is for us alone.
        blocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            self._process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
        far.close()  # else the pipe would stay open when the process dies

    def send(self, rows: Rows) -> None:
        share = rows.share.numpy() if isinstance(rows.share, Tensor) else rows.share
        told = (rows.ids_BT.numpy(), rows.targets_BT.numpy(), rows.subjects_BT.numpy(), share)
        with _death_told():
            self._pipe.send(told)

    def receive(self) -> tuple[list[float], list[float]]:
        with _death_told():
            nats, count = self._pipe.recv()
        return nats, count

    def stop(self) -> None:
        self._process.kill()
        self._process.join()


@contextmanager
def _death_told() -> Iterator[None]:
    try:
        yield
    except (EOFError, OSError):
        raise LithoError(
            "a process that helped to train is gone: if memory is short, use fewer --processes"
        ) from None


def _shared_like(weight: Tensor) -> Tensor:
    found = torch.zeros_like(weight)
    found.share_memory_()  # type: ignore[no-untyped-call]
    return found


def _check_memory(needed: int) -> None:
    """Raises LithoError if weights and gradients do not fit into shared memory."""
    free = shutil.disk_usage(_SHARED).free if _SHARED.is_dir() else needed
    if needed > free:
        raise LithoError(
            f"training in several processes takes {needed / 1e9:.1f} GB of shared memory, and "
            f"{free / 1e9:.1f} GB are free: leave --processes out"
        )


def _help(
    pipe: Connection,
    network: nn.Module,
    read: Read,
    gradients: Sequence[Tensor],
    subjects: int,
    threads: int,
) -> None:
    """Compute gradients until the other end of the pipe is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that we work for
    torch.set_num_threads(threads)
    learned = [weight for weight in network.parameters() if weight.requires_grad]
    for weight, gradient in zip(learned, gradients, strict=True):
        weight.grad = gradient  # what backward adds to, in place
    found = Gradients(network, read, subjects)
    while True:
        try:
            ids, targets, counted, share = pipe.recv()
        except EOFError:
            return
        torch._foreach_zero_(list(gradients))
        found.forget()
        ids_BT, targets_BT, subjects_BT = map(torch.from_numpy, (ids, targets, counted))
        shares = torch.from_numpy(share) if isinstance(share, np.ndarray) else share
        found.add(Rows(ids_BT, targets_BT, subjects_BT, shares))
        pipe.send((found.nats_K.tolist(), found.count_K.tolist()))
