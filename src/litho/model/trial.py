"""A few tokens on which it is tried what a model does, and whether two ways of reading agree."""

import torch
from torch import Tensor

from litho.model.loaded import LanguageModel
from litho.model.placement import HOST

# Shapes: B rows, T tokens.
LENGTH = 8
SHARED = 4  # tokens with which both rows begin
_TEXT = "A mill stood by the river."
_EXACT, _ROUNDED = 1e-4, 0.05  # of the largest number: what rounding may change


def rows(model: LanguageModel) -> Tensor:
    """Two rows of tokens that begin alike, 2 x T; the second goes on otherwise and with padding."""
    length = min(LENGTH, model.context)
    shared = min(SHARED, length - 1)
    seen = model.tokens(_TEXT) or [model.pad]
    first = [*model.start, *seen * length][:length]
    other = (first[shared] + 1) % model.vocabulary
    second = [*first[:shared], other, *[model.pad] * (length - shared - 1)]
    return torch.tensor([first, second], device=HOST)


def shared(ids_BT: Tensor) -> int:
    """How many tokens both rows begin with."""
    return int((ids_BT[0] == ids_BT[1]).long().argmin())


def agree(model: LanguageModel, first: Tensor, second: Tensor) -> bool:
    """Whether numbers that should be the same are, but for rounding."""
    placement = model.placement
    exact = placement.dtype == torch.float32 and placement.bits is None
    largest = first.float().abs().max()
    return bool((first - second).float().abs().max() <= (_EXACT if exact else _ROUNDED) * largest)
