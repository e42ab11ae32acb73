"""Text that two voices of one model say together: with something before its eyes, and without."""

from collections.abc import Sequence

import torch
from torch import Tensor
from transformers import LogitsProcessor

from litho.model.loaded import LanguageModel
from litho.model.placement import HOST
from litho.model.read.sampling import LEAST_PROBABILITY, own_words, padded_in_front

# Shapes: B rows, V vocabulary.


@torch.no_grad()
def mixed_samples(
    model: LanguageModel,
    context: str,
    openings: Sequence[Sequence[int]],
    length: int,
    share: float,
    seed: int,
) -> list[list[int]]:
    """`length` tokens behind each opening; returns them with what opens them.

    Each token is sampled, with probability `share`, from what the model predicts when it has read
    `context` before, and else from what it predicts without. Both then go on from that token.
    """
    seen = model.tokens(context)
    opened = [[*model.start, *opening] for opening in openings]
    rows = [[*model.start, *seen, *opening] for opening in openings] + opened
    ids_BT, mask_BT = padded_in_front(model, rows)
    longest = ids_BT.shape[1]
    chance = torch.Generator(HOST).manual_seed(seed)
    said = own_words(model, ids_BT, length, OneOfTwo(share, chance), seed, mask_BT)
    return [
        [*row, *more[longest:]]
        for row, more in zip(opened, said[: len(opened)].tolist(), strict=True)
    ]


class OneOfTwo(LogitsProcessor):
    """Rows come in two halves; each pair says the same token, now one's and now the other's."""

    def __init__(self, share: float, chance: torch.Generator) -> None:
        self._share, self._chance = share, chance

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        first_BV, second_BV = scores.float().softmax(-1).chunk(2)
        listens_B = torch.rand(len(first_BV), generator=self._chance, device=HOST) < self._share
        p_BV = torch.where(listens_B.to(scores.device).unsqueeze(-1), first_BV, second_BV)
        p_BV = torch.where(p_BV < LEAST_PROBABILITY, 0.0, p_BV)
        token_B = torch.multinomial(p_BV.cpu(), 1, generator=self._chance).to(scores.device)
        only_BV = torch.full_like(first_BV, -torch.inf).scatter_(-1, token_B, 0.0)
        return only_BV.repeat(2, 1).to(scores.dtype)
