"""The gradient of some rows of a step, and the losses that it comes from."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from litho.model.micro_functions import losses_and_gradient
from litho.model.placement import HOST, exactly

PASS_TOKENS = 1024  # of one forward pass, for each thread: what fits into its cache
GPU_PASS_TOKENS = 32768


@dataclass(frozen=True)
class Rows:
    """Rows of a step, and how much each target counts of the loss of all its rows."""

    ids_BT: Tensor
    targets_BT: Tensor
    subjects_BT: Tensor
    share: float | Tensor

    def part(self, first: int, last: int) -> "Rows":
        some = slice(first, last)
        share = self.share[some] if isinstance(self.share, Tensor) else self.share
        return Rows(self.ids_BT[some], self.targets_BT[some], self.subjects_BT[some], share)

    def __len__(self) -> int:
        return len(self.ids_BT)


class Gradients:
    """Adds the gradients of rows to those of a network's weights, and their losses by subject."""

    def __init__(
        self, network: nn.Module, read: Callable[[nn.Module, Tensor], Tensor], subjects: int
    ) -> None:
        self._network, self._read = network, read
        self._device = device = next(network.parameters()).device
        self.nats_K = exactly(torch.zeros(subjects, device=device))
        self.count_K = torch.zeros_like(self.nats_K)
        self._half = device.type != HOST.type
        self._pass = GPU_PASS_TOKENS if self._half else PASS_TOKENS * torch.get_num_threads()

    def add(self, rows: Rows) -> None:
        """Read rows, as many at once as is fast."""
        at_once = max(1, self._pass // rows.ids_BT.shape[1])
        for first in range(0, len(rows), at_once):
            self._backward(rows.part(first, first + at_once))

    def forget(self) -> None:
        """Count losses anew."""
        self.nats_K.zero_()
        self.count_K.zero_()

    def _backward(self, rows: Rows) -> None:
        ids_BT = rows.ids_BT.to(self._device)
        targets_N = rows.targets_BT.to(self._device).flatten()
        subjects_N = rows.subjects_BT.to(self._device).flatten()
        with torch.autocast(ids_BT.device.type, torch.bfloat16, enabled=self._half):
            logits_NV = self._read(self._network, ids_BT)
        with torch.no_grad():
            share = rows.share
            if isinstance(share, Tensor):
                share = share.flatten().to(logits_NV.device)
            losses_N, gradient_NV = losses_and_gradient(logits_NV, targets_N, share)
            losses_N = exactly(losses_N)
            subjects_N = subjects_N.to(losses_N.device)
            self.nats_K.index_add_(0, subjects_N, losses_N)
            known_N = (targets_N >= 0).to(losses_N)
            self.count_K.index_add_(0, subjects_N, known_N)
        torch.autograd.backward(logits_NV, gradient_NV)
