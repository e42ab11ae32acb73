"""What one pair of contexts shows layer by layer."""

from collections.abc import Sequence

import torch
from torch import Tensor

from litho.measure.trails.asked import Asked
from litho.measure.trails.depth import Depth
from litho.measure.trails.looking import Pointer, look
from litho.model.loaded import LanguageModel
from litho.model.watch.last_place import interchanged, read_last, read_out


def depth_of(
    model: LanguageModel, chain: Asked, pointing: Sequence[Pointer] = (), near: bool = False
) -> Depth:
    """Read a pair in the state in which the model is.

    With m_G and m_B the attention of all heads of a layer, from the last place, on the conclusion
    of the rule that applies and on its twin:

    - `routing` of layer l: (m_G - m_B) / (m_G + m_B), from -1 to 1; without `pointing` none;
    - `flipped`: share of the contexts whose likelier answer turns from that of the pair's own
      context to the other one if the residual stream at the last place is exchanged, before block
      l, for that of the other context;
    - `said`: whether the right answer is the likelier one where the state behind l blocks is read
      out at once (logit lens), as kappa: 2 x share - 1.

    `near`: of the near-misses instead, with the answers that the trail would have.
    """
    rows = chain.rows[2:4] if near else chain.rows[:2]
    places = [read_last(model, row) for row in rows]
    right = [(chain.tokens[i], chain.tokens[1 - i]) for i in range(2)]
    flipped, said = [], []
    for own, other, (good, bad) in zip(places, places[::-1], right, strict=True):
        prefers = own.logits_V[good] > own.logits_V[bad]
        swapped_LV = interchanged(model, own, other.states_LD[:-1])
        flipped.append(prefers & (swapped_LV[:, good] < swapped_LV[:, bad]))
        read_LV = read_out(model, own)
        said.append((read_LV[:, good] - read_LV[:, bad]).sign())
    return Depth(
        routing=_routing(model, rows, pointing) if pointing else (),
        flipped=torch.stack(flipped).float().mean(0).tolist(),
        said=torch.stack(said).float().mean(0).tolist(),
    )


@torch.no_grad()
def _routing(
    model: LanguageModel, rows: Sequence[Sequence[int]], pointing: Sequence[Pointer]
) -> tuple[float | None, ...]:
    depth = model.network.config.get_text_config().num_hidden_layers
    found: list[float | None] = [None] * depth

    def take(layer: int, right_BH: Tensor, wrong_BH: Tensor) -> None:
        right_B, wrong_B = right_BH.sum(1), wrong_BH.sum(1)
        found[layer] = ((right_B - wrong_B) / (right_B + wrong_B)).mean().item()

    look(model, rows, pointing, take)
    return tuple(found)
