"""An objective for attention alone: its heads are to read what those of a teacher read.

Litho's own; of the kind of Romero et al. 2015 (hints from inside a teacher), arXiv 1412.6550.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from litho.core.errors import LithoError
from litho.learn.objectives import Batch, Rows
from litho.model.loaded import LanguageModel
from litho.model.placement import HOST
from litho.model.read.scoring import batches, logits_at, pad_rows
from litho.model.watch.attention import ReadSoFar, taken

# Shapes: B rows, L layers, T tokens, H heads, D width of a head, W that of all heads together.


@dataclass(frozen=True)
class Taught:
    """L = mean over layers of sum |o - o*|^2 / sum |o* - mean o*|^2, over the rows of a step.

    o is what all heads of a layer read at the last place of a row but one, o* what they read with
    the adapter `teacher`, which is on the model. 1: as good as the mean of the teacher.
    """

    teacher: str
    note: Callable[[Sequence[float]], None] = lambda losses: None

    def __call__(self, batch: Batch) -> float:
        model, rows = batch.model, [row[:-1] for row in batch.rows]
        groups = list(batches([len(row) for row in rows], model.device, batch.micro_tokens))
        wanted_BLW = self._wanted(model, rows, groups)
        spread_LW = (wanted_BLW - wanted_BLW.mean(0)).square()
        scale_L = spread_LW.sum((0, 2)).clamp_min(torch.finfo(torch.float32).tiny)
        losses = [0.0] * len(rows)
        for group in groups:
            read_BLW = read_by_heads(model, [rows[i] for i in group])
            missed_BL = (read_BLW - wanted_BLW[group]).square().sum(2)
            loss_B = (missed_BL / scale_L).mean(1)
            torch.autograd.backward(loss_B.sum())
            for i, loss in zip(group, loss_B.detach().tolist(), strict=True):
                losses[i] = loss * len(rows)
        self.note(losses)
        return sum(losses) / len(losses)

    @torch.no_grad()
    def _wanted(self, model: LanguageModel, rows: Rows, groups: Sequence[list[int]]) -> Tensor:
        found: dict[int, Tensor] = {}
        with model.state(self.teacher):
            for group in groups:
                read_BLW = read_by_heads(model, [rows[i] for i in group])
                found.update(zip(group, read_BLW, strict=True))
        return torch.stack([found[i] for i in range(len(rows))])


def read_by_heads(model: LanguageModel, rows: Rows) -> Tensor:
    """What the heads of every layer read at the last place of each row, B x L x W, in float32.

    Nothing above the last layer's attention is computed. Raises LithoError if no attention of the
    model can be watched.
    """
    ids_BT, _ = pad_rows(model, rows)
    last = [(place, len(row) - 1) for place, row in enumerate(rows)]
    places_B = torch.tensor([place for _, place in last], device=HOST)
    depth = model.network.config.get_text_config().num_hidden_layers
    read: dict[int, Tensor] = {}

    def take(layer: int, _q: Tensor, _k: Tensor, _s: float, read_BTHD: Tensor) -> None:
        rows_B = torch.arange(len(read_BTHD), device=read_BTHD.device)
        at_BHD = read_BTHD[rows_B, places_B.to(read_BTHD.device)]
        read[layer] = at_BHD.flatten(1).float().to(model.device)
        if layer == depth - 1:
            raise ReadSoFar

    with taken(take):
        logits_at(model, ids_BT, last)
    if not read:
        raise LithoError(
            f"the attention of {model.source.name} cannot be watched: choose another objective "
            "than teacher"
        )
    return torch.stack([read[layer] for layer in sorted(read)], dim=1)
