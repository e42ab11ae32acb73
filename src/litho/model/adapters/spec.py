"""What a new adapter is to be."""

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class AdapterSpec:
    """A LoRA adapter before it is trained: W' = W + (alpha / rank) B A.

    `seed` draws A; B is 0. With `keys`, a matrix A (rank x inputs) by name of each layer, A is not
    drawn and not trained (LoRA-FA; Zhang et al. 2023, arXiv 2308.03303). With `begun`, the first
    columns of B (outputs x some ranks) by name of each layer, these are not 0 and not trained.
    """

    rank: int
    alpha: int | None = None  # None: twice the rank
    seed: int = 0
    layers: tuple[int, ...] | None = None  # blocks that get an adapter, from 0; None: all
    kinds: tuple[str, ...] | None = None  # what names of linear layers end in; None: all
    keys: Mapping[str, Tensor] | None = None
    begun: Mapping[str, Tensor] | None = None

    @property
    def scaled_by(self) -> int:
        """The alpha that is meant."""
        return 2 * self.rank if self.alpha is None else self.alpha
