"""Who does the pieces of a job that falls into many: no result depends on it."""

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial

import torch

from litho.core.executors import Cluster
from litho.core.processes import Processes
from litho.core.work import Executor, ThisProcess
from litho.model.placement import Placement

HANGS = 20  # times what a piece should take, after which a cluster begins it again elsewhere
FLOOR = 30.0  # seconds that any piece may be expected to take


@dataclass(frozen=True)
class Workers:
    """This process, several on this machine, or a cluster."""

    cluster: str | None = None  # address of a Ray cluster; None: this machine
    processes: int = 1  # on this machine

    def executor(self, placement: Placement, seconds: float) -> AbstractContextManager[Executor]:
        """What does pieces that should take so many seconds each."""
        if self.cluster is not None:
            return Cluster(self.cluster, HANGS * max(FLOOR, seconds), placement.on_gpu)
        if self.processes > 1:
            threads = max(1, torch.get_num_threads() // self.processes)
            return Processes(self.processes, partial(torch.set_num_threads, threads))
        return nullcontext(ThisProcess())


ALONE = Workers()
