"""What a model computes when all but some edges of its attention are cut."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from litho.model.watch.attention import exchanged, seen_attention

# Shapes: E edges, H heads, T tokens, N queries of a block, S tokens seen up to its end, D width of
# a head.


@contextmanager
def only(edges_E4: Tensor, opening: int) -> Iterator[None]:
    """While the block runs, a single sequence is read through these edges alone.

    An edge is layer, head, the token that looks and the token that is looked at; through any other
    one a head reads nothing. Edges from the first `opening` tokens are kept: what these hand on is
    the same in front of every text. Heads look where they then look, and MLPs answer what they are
    given. All heads of the model can be watched.
    """

    def attend(
        module: nn.Module,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        attention_mask: Tensor | None,
        scaling: float | None = None,
        **options: Any,  # noqa: ANN401  whatever transformers passes on
    ) -> tuple[Tensor, None]:
        seen = seen_attention(module, query, key, attention_mask, scaling, options)
        assert seen
        layer, attention = seen
        own_E3 = edges_E4[edges_E4[:, 0] == layer, 1:].to(value.device)
        value_HTD = value[0].repeat_interleave(query.shape[1] // value.shape[1], dim=0).float()
        parts = []
        for start, p_HNS in attention.shares():
            end = start + p_HNS.shape[1]
            here_E = (own_E3[:, 1] >= start) & (own_E3[:, 1] < end)
            head_E, token_E, source_E = own_E3[here_E].T
            kept_HNS = torch.zeros_like(p_HNS, dtype=torch.bool)
            kept_HNS[:, :, :opening] = True
            kept_HNS[head_E, token_E - start, source_E] = True
            parts.append((p_HNS * kept_HNS) @ value_HTD[:, :end])
        read_HTD = torch.cat(parts, dim=1).to(value)
        return read_HTD.transpose(0, 1)[None].contiguous(), None

    with exchanged(attend):
        yield
