"""Blocks below the lowest one that is trained: what they make of a text is computed once."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from litho.model.adapters import lora
from litho.model.loaded import LanguageModel
from litho.model.watch.capture import block_input, blocks, with_block_input

# Shapes: B rows, T tokens, D width of the residual stream.
ROOM = 1 << 29  # bytes of what is kept; rows that were used longest ago are dropped


class FrozenBelow:
    """Keeps what the blocks below the lowest layer of an adapter hand on, row by row.

    Each row is read alone the first time, so that what is kept does not depend on the batches. It
    stays right as long as nothing below that layer changes: not the base, and not the other
    adapters that are active.
    """

    def __init__(self, model: LanguageModel, adapter: str) -> None:
        self._stack = blocks(model)
        self._network = model.network
        self.first = min(map(lora.layer_of, lora.weights(model, adapter)))
        self._kept: dict[bytes, Tensor] = {}  # the row that was used last at the end
        self._keys: list[bytes] = []  # of the rows that are being read; they are kept
        self._reading = False  # a row is read for the first time

    @contextmanager
    def active(self) -> Iterator[None]:
        """Inside, a text of which gradients are taken begins at the lowest trained layer.

        It is read as `input_ids` without a cache. Without gradients nothing is skipped.
        """
        if not self.first:
            yield
            return
        lower = list(self._stack[: self.first])
        handles = [
            self._network.register_forward_pre_hook(self._look_up, with_kwargs=True),
            self._stack[self.first].register_forward_pre_hook(self._exchange, with_kwargs=True),
        ]
        for place, block in enumerate(lower):
            self._stack[place] = _Skipped(block)
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()
            for place, block in enumerate(lower):
                self._stack[place] = block

    def _look_up(self, _: nn.Module, __: object, kwargs: dict[str, Any]) -> None:
        if not torch.is_grad_enabled():
            return
        ids_BT: Tensor = kwargs["input_ids"]
        self._keys = [row_T.tobytes() for row_T in ids_BT.cpu().numpy()]
        for key, row_T in zip(self._keys, ids_BT, strict=True):
            if key in self._kept:
                self._kept[key] = self._kept.pop(key)
            else:
                self._read(key, row_T)
        self._make_room()

    def _make_room(self) -> None:
        held = sum(hidden_TD.nbytes for hidden_TD in self._kept.values())
        for key in [key for key in self._kept if key not in self._keys]:
            if held <= ROOM:
                return
            held -= self._kept.pop(key).nbytes

    @torch.no_grad()
    def _read(self, key: bytes, row_T: Tensor) -> None:
        self._reading = True
        try:
            self._network(input_ids=row_T.unsqueeze(0), use_cache=False)
        except _ReadSoFar as read:
            self._kept[key] = read.hidden_BTD[0]
        finally:
            self._reading = False

    def _exchange(
        self, _: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        if self._reading:
            raise _ReadSoFar(block_input(args, kwargs))
        if not torch.is_grad_enabled():
            return args, kwargs
        hidden_BTD = torch.stack([self._kept[key] for key in self._keys])
        return with_block_input(args, kwargs, hidden_BTD)


class _ReadSoFar(Exception):
    def __init__(self, hidden_BTD: Tensor) -> None:
        self.hidden_BTD = hidden_BTD


class _Skipped(nn.Module):
    """Stands for a block: passes on what it is given if that will be exchanged anyway."""

    def __init__(self, block: nn.Module) -> None:
        super().__init__()
        # Not as a child: the weights stay where they are, under their own names.
        object.__setattr__(self, "_block", block)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  what the model asks its blocks for
        return getattr(self.__dict__["_block"], name)

    def forward(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401  as the block's own
        if torch.is_grad_enabled():
            return block_input(args, kwargs)
        return self.__dict__["_block"](*args, **kwargs)
