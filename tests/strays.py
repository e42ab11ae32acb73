"""A device that is there by name only, and finds what would fail on a real one.

Tensors on it are ordinary ones on the CPU whose storage is noted down. Python is told that they are
on the device, and every operation of torch, those of a backward pass included, is checked: all its
tensors have to be on one device, as CUDA asks for. So the arithmetic of whole jobs runs to its end,
with numbers.

Not seen: what a library does below torch's dispatcher, autocast and half precision on the device,
models that are spread over several devices, quantised ones, kernels that a real device lacks or
computes otherwise, and memory.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.multiprocessing.reductions import StorageWeakRef
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map_only
from transformers import AutoModelForCausalLM

from litho.model import placement

HOST = torch.device("cpu")
_MOVES = {"_to_copy", "copy_", "copy"}
_TAKE_INDICES = {"index", "index_put", "index_put_", "_index_put_impl_", "_unsafe_index"}
_NO_SCALARS = {"cat", "stack", "gather", "index_select", "embedding", "mm", "bmm", "addmm"}
_DRAW = {"uniform_", "normal_", "random_", "bernoulli_", "multinomial", "randperm", "rand", "randn"}
_MOST = 20_000  # storages that are remembered before those that are gone are forgotten


class StrayError(AssertionError):
    """An operation that would fail on a real device."""


class Accelerator:
    """The device and which storages are on it."""

    def __init__(self, name: str = "cuda:0") -> None:
        self.device = torch.device(name)
        self.drawn: list[str] = []  # operations that drew random numbers on the device
        self.operations = 0  # on the device
        self.paused = False
        self._there: dict[int, StorageWeakRef] = {}  # an address is not used again while it is here

    def holds(self, tensor: Tensor) -> bool:
        return tensor.untyped_storage()._cdata in self._there

    def of(self, tensor: Tensor) -> torch.device:
        return self.device if self.holds(tensor) else HOST

    def take(self, tensor: Tensor) -> None:
        if self.device.type == "mps" and tensor.dtype == torch.float64:
            raise StrayError("MPS has no float64")
        if len(self._there) > _MOST:
            kept = {key: ref for key, ref in self._there.items() if not ref.expired()}
            self._there = kept
        storage = tensor.untyped_storage()
        self._there[storage._cdata] = StorageWeakRef(storage)

    def moved(self, tensor: Tensor, device: torch.device) -> Tensor:
        """A tensor on a device: itself if it is there."""
        if self.holds(tensor) == (device.type == self.device.type):
            return tensor
        copy = tensor.clone()
        self._there.pop(copy.untyped_storage()._cdata, None)
        if device.type == self.device.type:
            self.take(copy)
        return copy


class _Asked(TorchFunctionMode):
    """What Python asks of tensors: where they are, and to be made or moved elsewhere."""

    def __init__(self, accelerator: Accelerator) -> None:
        super().__init__()
        self._at = accelerator

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:  # noqa: ANN401
        kwargs = kwargs or {}
        at, name = self._at, getattr(func, "__name__", "")
        if at.paused:
            return func(*args, **kwargs)
        if func == Tensor.device.__get__:
            return at.of(args[0])
        if func in (Tensor.numpy, Tensor.__array__) and at.holds(args[0]):
            raise StrayError(f"{name} of a tensor on {at.device}")
        if func == Tensor.__deepcopy__:
            copy = func(*args, **kwargs)
            return self._put(copy, at.of(args[0]))
        if func == Tensor.cpu:
            return at.moved(args[0], HOST)
        if func == Tensor.to:
            return self._to(*args, **kwargs)
        device = kwargs.get("device")
        if device is None or torch.device(device).type not in (HOST.type, at.device.type):
            return func(*args, **kwargs)
        device = torch.device(device)
        chance = kwargs.get("generator")
        if chance is not None and chance.device.type != device.type:
            raise StrayError(f"{name} on {device} with a generator of {chance.device}")
        made = func(*args, **kwargs | {"device": HOST})
        return tree_map_only(Tensor, lambda each: self._put(each, device), made)

    def _put(self, tensor: Tensor, device: torch.device) -> Tensor:
        """A tensor that has just been made."""
        if device.type == self._at.device.type:
            self._at.take(tensor)
        return tensor

    def _to(self, tensor: Tensor, *args: Any, **kwargs: Any) -> Tensor:  # noqa: ANN401
        device = kwargs.pop("device", None)
        rest = list[Any]()
        for each in args:
            if isinstance(each, Tensor):
                device, rest = self._at.of(each), [*rest, each.dtype]
            elif isinstance(each, str | torch.device):
                device = each
            elif each is not None:
                rest.append(each)
        copy = kwargs.pop("copy", False)
        kwargs = {key: value for key, value in kwargs.items() if value is not None}
        flags = [each for each in rest if not isinstance(each, bool)]  # without non_blocking, copy
        device = None if device is None else torch.device(device)
        if device and device.type not in (HOST.type, self._at.device.type):
            return tensor.to(device, *flags, **kwargs)
        found = tensor
        if flags or kwargs or copy:
            found = tensor.to(*flags, **kwargs | {"copy": copy})
        return found if device is None else self._at.moved(found, device)


class _Done(TorchDispatchMode):
    """What torch does: every operation on tensors of one device, its results on the same one."""

    def __init__(self, accelerator: Accelerator) -> None:
        super().__init__()
        self._at = accelerator

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:  # noqa: ANN401
        kwargs = kwargs or {}
        if self._at.paused:
            return func(*args, **kwargs)
        given = list(_tensors((*args, *kwargs.values())))
        name = func.overloadpacket.__name__
        there = any(self._at.holds(each) for each in given)
        if there:
            self._at.operations += 1
            self._check(name, args, given, kwargs.get("generator"))
            if name in _DRAW:
                self._at.drawn.append(name)
        found = func(*args, **kwargs)
        if there:
            before = {each.untyped_storage()._cdata for each in given}
            for each in _tensors(found):
                if each.untyped_storage()._cdata not in before:
                    self._at.take(each)
        return found

    def _check(
        self,
        name: str,
        args: Sequence[Any],
        given: Sequence[Tensor],
        chance: torch.Generator | None,
    ) -> None:
        if chance is not None and chance.device.type != self._at.device.type:
            raise StrayError(f"{name} on {self._at.device} with a generator of {chance.device}")
        if name in _MOVES:
            return
        if name in _TAKE_INDICES and self._at.holds(args[0]):
            indices = {id(each) for each in args[1] if each is not None}
            given = [each for each in given if id(each) not in indices]
        strays = [
            each
            for each in given
            if not self._at.holds(each) and (each.dim() or name in _NO_SCALARS)
        ]
        if strays:
            raise StrayError(
                f"{name} mixes devices: a tensor of shape {tuple(strays[0].shape)} is on the CPU, "
                f"others are on {self._at.device}"
            )


def _tensors(values: object) -> Iterator[Tensor]:
    """Those that an operation takes or gives; torch's own way through any tree is slow."""
    if isinstance(values, Tensor):
        yield values
    elif isinstance(values, list | tuple):
        for each in values:
            yield from _tensors(each)


class _Event:
    """Stands for a place in what a device has to do: it has been reached."""

    def __init__(self, **_: object) -> None: ...

    def record(self) -> None: ...

    def synchronize(self) -> None: ...

    def query(self) -> bool:
        return True


@contextmanager
def accelerated(name: str = "cuda:0") -> Iterator[Accelerator]:
    """Inside, a device of that name can be used, and is what models are loaded on."""
    accelerator = Accelerator(name)
    nothing: Callable[..., None] = lambda *_: None  # noqa: E731
    real = AutoModelForCausalLM.from_pretrained

    def from_pretrained(*args: Any, **kwargs: Any) -> object:  # noqa: ANN401
        """On the CPU, by means that would confuse the modes; what follows is watched."""
        accelerator.paused = True
        try:
            return real(*args, **kwargs)
        finally:
            accelerator.paused = False

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(placement, "devices", lambda: ["cpu", name])
        patch.setattr(placement, "DEFAULT_DEVICE", name)
        patch.setattr(placement, "free_memory", lambda _: 1 << 40)
        patch.setattr(torch.cuda, "get_device_capability", lambda _: (7, 0))
        patch.setattr(AutoModelForCausalLM, "from_pretrained", from_pretrained)
        patch.setattr(torch, "Event", _Event)
        for module in (torch.cuda, torch.mps):
            patch.setattr(module, "synchronize", nothing)
            patch.setattr(module, "get_rng_state", lambda *_: torch.get_rng_state())
            patch.setattr(module, "set_rng_state", nothing)
        patch.setattr(torch.mps, "manual_seed", nothing)
        placement._is_fast_in_bfloat16.cache_clear()
        try:
            with _Asked(accelerator), _Done(accelerator):
                yield accelerator
        finally:
            placement._is_fast_in_bfloat16.cache_clear()
