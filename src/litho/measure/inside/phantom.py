"""The shift of the hidden states does not last: training on another text washes it out."""

import torch

from litho.measure.inside.states import StateReading
from litho.model.placement import exactly


@torch.no_grad()
def lost_share(before: StateReading, after: StateReading, washed: StateReading) -> float:
    """How much of the shift of the hidden states is gone, mean over the layers that shifted.

    1 - <washed - before, after - before> / ||after - before||^2 for all tokens of a layer at once:
    0 all of it is there, 1 nothing is left in its direction.
    """
    lost = []
    for old_TD, new_TD, later_TD in zip(before.layers, after.layers, washed.layers, strict=True):
        shift = exactly(new_TD - old_TD)
        square = shift.square().sum()
        if square > 0:
            lost.append(1 - (exactly(later_TD - old_TD) * shift).sum() / square)
    return torch.stack(lost).mean().item() if lost else 0.0
