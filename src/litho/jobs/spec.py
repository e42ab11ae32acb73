"""What a job starts from; no torch."""

from pathlib import Path
from typing import Literal, Self

from litho.core.config import Config


class Device(Config):
    """Where a job computes, and in which precision it measures."""

    name: str = "auto"
    """`auto` (the first GPU, else the CPU), `cpu`, `cuda`, `cuda:N` or `mps`."""
    dtype: Literal["float32", "bfloat16", "float16"] | None = None
    """Precision of measuring; none: float32 if the model then fits into memory."""
    bits: Literal[4, 8] | None = None
    """Quantises the weights of the base model to so many bits; none: not quantised."""
    spread: bool = False
    """Spreads the model over all GPUs and, once these are full, main memory."""


DEFAULT_DEVICE = Device()


def model_beside(folder: Path, name: str) -> str:
    """A model that a file in a folder names: a folder is looked for from there first."""
    there = folder / name
    return str(there) if there.is_dir() else name


class Spec(Config):
    """Texts, models and settings: all that the result of a job depends on.

    A field `config` holds the settings that a user may change by name.
    """

    device: Device = Device()

    def models(self) -> dict[str, str]:
        """Names of the models by their role in the manifest."""
        return {}

    def adapters(self) -> dict[str, str]:
        """Folders of the adapters that are read, by their role."""
        return {}

    def pinned(self) -> Self:
        """With names of models that mean the same later and from another folder."""
        return self

    def alike(self, other: Self) -> bool:
        """Whether a run of the one is a run of the other."""
        return self == other


def adapter_in(folder: str | None) -> dict[str, str]:
    """The adapter of a job that reads with one at most, by its role."""
    return {"adapter": folder} if folder else {}


class ModelSpec(Spec):
    """For jobs with one model."""

    model: str

    def models(self) -> dict[str, str]:
        return {"model": self.model}

    def pinned(self) -> Self:
        from litho.model.sources import locate

        return self.model_copy(update={"model": locate(self.model).pinned})
