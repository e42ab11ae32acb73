"""Where a model is, in which precision, and what follows from that.

The only module that knows kinds of devices by name. Whoever makes a tensor takes the device from a
model or from another tensor, or says `HOST`.
"""

import platform
import resource
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from typing import Any, Literal, Self

import psutil
import torch
from torch import Tensor

from litho.core.errors import LithoError

HOST = torch.device("cpu")  # for numbers that a model is yet to be given, or has given back
DEFAULT_DEVICE = "cpu"  # of what is loaded with a precision alone
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
DEVICES = "auto, cpu, cuda, cuda:N, mps"
BITS = (4, 8)
_ROOM = 0.8  # of the free memory may be a model's weights; the rest is for what it computes
_BNB = "pip install 'litho[quantized]'"
_ACCELERATE = "pip install 'litho[spread]'"


@dataclass(frozen=True)
class Sizes:
    """How much is worked out at once. No result depends on it but for rounding.

    On a CPU: what fits into its caches. On a GPU: enough to keep it busy, in about a GiB.
    """

    distributions: int  # places whose distributions over the vocabulary are worked out at once
    pass_tokens: int  # padded tokens of rows that are read together
    padding: int  # tokens of padding that cost as much as another pass through the model
    gradient_tokens: int  # padded tokens whose gradients are taken sample by sample
    gradient_floats: int  # of these gradients
    head_places: int  # places whose logits exist at once while gradients are taken
    queries: int  # whose attention is computed at once
    scores: int  # of attention, at once


_ON_CPU = Sizes(16, 1024, 32, 512, 1 << 28, 64, 128, 1 << 20)
_ON_GPU = Sizes(512, 8192, 2048, 8192, 1 << 29, 1024, 1024, 1 << 26)


def sizes(device: torch.device) -> Sizes:
    """How much to work out at once on a device."""
    return _ON_CPU if device.type == HOST.type else _ON_GPU


@dataclass(frozen=True)
class Placement:
    """A device and a precision."""

    device: torch.device  # with `spread`, where the input goes
    dtype: torch.dtype  # of what is computed, and of the weights unless they are quantised
    bits: int | None = None  # of a quantised base
    spread: bool = False  # over all GPUs and, where these are full, the main memory

    @classmethod
    def parse(
        cls,
        device: str = "auto",
        dtype: str | None = None,
        bits: int | None = None,
        spread: bool = False,
    ) -> Self:
        """From settings: `auto`, `cpu`, `cuda`, `cuda:N` or `mps`, and `float32` unless said.

        `auto` is the first GPU that there is, else the CPU. Raises LithoError where there is no
        such device here, or it cannot do what is asked.
        """
        placement = cls(_device(device), _dtype(dtype or "float32"), bits, spread)
        placement._check()
        return placement

    @property
    def on_gpu(self) -> bool:
        return self.device.type != HOST.type

    @property
    def half(self) -> torch.dtype:
        """The precision of half the size that the device computes in."""
        return torch.bfloat16 if _has_bfloat16(self.device) else torch.float16

    def described(self) -> dict[str, Any]:
        """For manifests, and for the keys under which results are kept.

        Numbers are the same, bit by bit, where all of this and the machine are the same.
        """
        return {
            "device": self.device.type,
            "dtype": _name_of(self.dtype),
            "bits": self.bits,
            "spread": self.spread,
            "torch": str(torch.__version__),
            "deterministic": not self.on_gpu or torch.are_deterministic_algorithms_enabled(),
        }

    def fits(self, parameters: int, models: int = 1) -> bool:
        """Whether the weights of so many models leave room in the memory that is free now."""
        width = self.bits / 8 if self.bits else self.dtype.itemsize
        return parameters * width * models <= _ROOM * free_memory(self.device)

    def loading(self) -> dict[str, Any]:
        """What `from_pretrained` is told besides the folder.

        Raises LithoError if a package that is needed for it is missing.
        """
        told: dict[str, Any] = {"dtype": self.dtype}
        if self.bits:
            _need("bitsandbytes", "a quantised model needs bitsandbytes", _BNB)
            _need("accelerate", "a quantised model needs accelerate", _BNB)
            told["quantization_config"] = _quantization(self)
            told["device_map"] = {"": self.device}
        if self.spread:
            _need("accelerate", "a spread model needs accelerate", _ACCELERATE)
            told["device_map"] = "auto"
        return told

    def _check(self) -> None:
        kind = self.device.type
        if self.bits not in (None, *BITS):
            raise LithoError(f"unknown bits {self.bits} (choose from {', '.join(map(str, BITS))})")
        if self.spread and kind != "cuda":
            raise LithoError(f"a model is spread over CUDA GPUs, not on {kind}: leave spread out")
        if self.dtype == torch.float16 and kind == HOST.type:
            raise LithoError(
                "float16 is not computed on the CPU: choose dtype float32 or bfloat16, or a GPU"
            )
        if self.dtype == torch.bfloat16 and not _has_bfloat16(self.device):
            raise LithoError(f"{self.device} has no bfloat16: choose dtype float32 or float16")


ON_CPU = Placement(HOST, torch.float32)


def default_placement(dtype: torch.dtype) -> Placement:
    """That of what is loaded with a precision alone."""
    return Placement(_device(DEFAULT_DEVICE), dtype)


def _name_of(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def _device(name: str) -> torch.device:
    kind, _, number = name.partition(":")
    known = number == "" or (kind == "cuda" and number.isdecimal())
    if kind not in ("auto", "cpu", "cuda", "mps") or not known or name.endswith(":"):
        raise LithoError(f"unknown device {name!r} (choose from {DEVICES})")
    there = devices()
    if kind == "auto":
        return torch.device(there[min(1, len(there) - 1)])
    wanted = "cuda:0" if name == "cuda" else name
    if wanted in there:
        return torch.device(wanted)
    if kind == "cuda" and "cuda:0" in there:
        raise LithoError(f"there is no GPU {name} here (choose from {', '.join(there)})")
    raise LithoError(f"there is no {kind.upper()} device here: choose device cpu or auto")


def _dtype(name: str) -> torch.dtype:
    if name not in DTYPES:
        raise LithoError(f"unknown dtype {name!r} (choose from {', '.join(DTYPES)})")
    return DTYPES[name]


def devices() -> list[str]:
    """The devices of this machine that Litho can use, the CPU first."""
    names = [HOST.type]
    if torch.cuda.is_available():
        names += [f"cuda:{number}" for number in range(torch.cuda.device_count())]
    elif torch.backends.mps.is_available():
        names.append("mps")
    return names


def device_name(device: str) -> str:
    """What a device of `devices` is."""
    if device.startswith("cuda"):
        return torch.cuda.get_device_name(device)
    return "Apple GPU" if device == "mps" else platform.machine()


def free_memory(device: torch.device) -> int:
    """Bytes that are free where a model would lie."""
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        kept = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return free + kept  # torch gives again what it keeps
    if device.type == "mps":
        return torch.mps.recommended_max_memory() - torch.mps.driver_allocated_memory()
    return psutil.virtual_memory().available


def most_memory(device: torch.device) -> int:
    """Bytes that this process used at most so far: of a CUDA device its own, else main memory."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def training_dtype(
    device: str | torch.device | None = None,
) -> Literal["bfloat16", "float32"]:
    """bfloat16 where the device multiplies in it; emulated, it is slower than float32."""
    if not isinstance(device, torch.device):
        device = _device(device or DEFAULT_DEVICE)
    return "bfloat16" if _is_fast_in_bfloat16(device) else "float32"


@cache
def _is_fast_in_bfloat16(device: torch.device) -> bool:
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    if device.type != HOST.type or not torch.backends.mkldnn.is_available():
        return False
    # There is no public way to ask; a build of torch without oneDNN lacks this one.
    ask = getattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", None)
    return ask is not None and bool(ask())


@cache
def _has_bfloat16(device: torch.device) -> bool:
    """Whether a device computes in bfloat16, be it slowly."""
    if device.type != "mps":
        return True
    try:
        torch.ones(2, 2, dtype=torch.bfloat16, device=device) @ torch.ones(
            2, 2, dtype=torch.bfloat16, device=device
        )
    except (RuntimeError, TypeError):  # before macOS 14
        return False
    return True


def _need(package: str, what: str, mend: str) -> None:
    if not find_spec(package):
        raise LithoError(f"{what}: {mend}")


def _quantization(placement: Placement) -> object:
    """Rounded weights as bitsandbytes keeps them: 8 bits by row, or 4 bits in NF4 by 64."""
    from transformers import BitsAndBytesConfig

    if placement.bits == 8:
        return BitsAndBytesConfig(load_in_8bit=True)
    return BitsAndBytesConfig(
        load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=placement.dtype
    )


@contextmanager
def seeded(device: torch.device, seed: int) -> Iterator[None]:
    """Inside, random numbers of the CPU and of a device follow from a seed.

    Behind it all generators go on as if nothing had happened.
    """
    if device.type == "cuda":
        with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
            torch.manual_seed(seed)
            yield
        return
    before = torch.mps.get_rng_state() if device.type == "mps" else None
    try:
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed)
            if before is not None:
                torch.mps.manual_seed(seed)
            yield
    finally:
        if before is not None:
            torch.mps.set_rng_state(before)


def random_states(device: torch.device) -> dict[str, Tensor]:
    """States of the generators of the CPU and of a device, by kind of device."""
    states = {HOST.type: torch.get_rng_state()}
    if device.type == "cuda":
        states["cuda"] = torch.cuda.get_rng_state(device)
    if device.type == "mps":
        states["mps"] = torch.mps.get_rng_state()
    return states


def set_random_states(states: Mapping[str, Tensor], device: torch.device) -> None:
    """Let the generators go on from there; one whose state was not kept stays as it is."""
    torch.set_rng_state(states[HOST.type])
    if device.type == "cuda" and "cuda" in states:
        torch.cuda.set_rng_state(states["cuda"], device)
    if device.type == "mps" and "mps" in states:
        torch.mps.set_rng_state(states["mps"])


def exactly(values: Tensor) -> Tensor:
    """Values in float64; on the CPU if their device has none."""
    return values.cpu().double() if values.device.type == "mps" else values.double()


def wait_for(device: torch.device) -> None:
    """Return when a device has done what it was given, so that time can be taken."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()
