"""Two models of other tokenizers on one text, compared where both have read as many characters."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from litho.measure.inside.geometry import linear_cka_of_all
from litho.measure.inside.states import StateReading, read_state
from litho.model.placement import exactly
from litho.model.state import State
from litho.model.watch.attention import unwatched

# Shapes: S stretches of text, L and M layers of the two models, T tokens of one of them.


@dataclass(frozen=True)
class Stretches:
    """The shortest pieces of a text at whose ends both tokenizers end a token."""

    characters: list[int]  # where each ends
    first: list[int]  # the token that ends there
    second: list[int]


@dataclass(frozen=True)
class AlignedDifference:
    """What can be compared of two models that share neither tokens nor shape."""

    stretches: Stretches
    surprise_first_S: Tensor  # -log P of a stretch, nats
    surprise_second_S: Tensor
    cka_LM: Tensor  # linear CKA of every layer of one with every layer of the other


def common_stretches(
    first: Sequence[tuple[int, int]], second: Sequence[tuple[int, int]]
) -> Stretches:
    """Align two tokenizations, given as character ranges of their tokens."""
    ends = [_ends(spans) for spans in (first, second)]
    shared = sorted(ends[0].keys() & ends[1].keys())
    return Stretches(shared, [ends[0][end] for end in shared], [ends[1][end] for end in shared])


def _ends(spans: Sequence[tuple[int, int]]) -> dict[int, int]:
    """Where the text has been read up to, and the token that ends there.

    Not where the next token goes back: bytes of one letter, or a space that the tokenizer put in.
    """
    following = [*(start for start, _ in spans[1:]), spans[-1][1]]
    read_up = [(end, next_ >= end > 0) for (_, end), next_ in zip(spans, following, strict=True)]
    return {end: token for token, (end, done) in enumerate(read_up) if done}


def _whole(spans: Sequence[tuple[int, int]], text: str) -> list[tuple[int, int]]:
    """With the white space at the end, which a tokenizer may leave out."""
    return [*spans[:-1], (spans[-1][0], len(text))]


@torch.no_grad()
def aligned_difference(first: State, second: State, text: str) -> AlignedDifference:
    """Read `text` in two models. Surprise includes the first token only where both predict it."""
    stretches = common_stretches(*(_whole(s.model.spans(text), text) for s in (first, second)))
    readings = [read_state(state, state.model.encode(text), unwatched) for state in (first, second)]
    pairs = list(zip(readings, (stretches.first, stretches.second), strict=True))
    own, other = ([x_TD[ends] for x_TD in reading.layers] for reading, ends in pairs)
    opened = all(reading.opening for reading in readings)
    surprise_first_S, surprise_second_S = (
        _by_stretch(reading, ends, opened) for reading, ends in pairs
    )
    cka_LM = linear_cka_of_all(own, other).float()
    return AlignedDifference(stretches, surprise_first_S, surprise_second_S, cka_LM)


def _by_stretch(reading: StateReading, ends: Sequence[int], opened: bool) -> Tensor:
    """Surprise of each stretch: the sum over its tokens, the text's first only if `opened`."""
    surprise_T = exactly(reading.predictions.surprise_T)
    of_text_T = surprise_T if reading.opening else torch.cat([surprise_T.new_zeros(1), surprise_T])
    if not opened:
        of_text_T[0] = 0.0
    upto_S = of_text_T.cumsum(0)[torch.tensor(ends, device=of_text_T.device)]
    return torch.diff(upto_S, prepend=upto_S.new_zeros(1))
