"""From token to output: the graph of one context in one state, and how far it can be relied on.

Attribution to edges by gradients, checked by cutting all others: Syed et al. 2023, arXiv
2310.10348; Hanna et al. 2024, arXiv 2403.17806.
"""

import random
from dataclasses import dataclass
from math import isqrt

import torch
from torch import Tensor

from litho.core.errors import LithoError
from litho.measure.trails.asked import answered
from litho.measure.trails.records import Graph, GraphEdge, GraphShift, GraphToken, Kept
from litho.model.loaded import LanguageModel
from litho.model.placement import HOST
from litho.model.read.scoring import logits_at
from litho.model.state import State
from litho.model.watch.flow import Flow, flow
from litho.model.watch.knockout import only

# Shapes: E edges, each layer, head, token that looks, token looked at; L layers, H heads, T tokens,
# N queries of a block, S tokens seen up to its end.
TOLD = 24  # edges and shifts that are told one by one
KEPT = (0, TOLD, 96, 384, 1536, 6144)  # edges that are kept while all others are cut
TRIED = 8  # tokens on which it is tried whether there is a graph of a model
SEED = 0  # of those that are drawn at random


@dataclass(frozen=True)
class Asking:
    """A context up to where its answers differ, and the tokens in which they do."""

    row: tuple[int, ...]
    tokens: tuple[int, int]
    pieces: tuple[str, ...]  # the text of each token of the row; of the opening token none


def asking(model: LanguageModel, context: str, answers: tuple[str, str]) -> Asking:
    """How a model reads a context.

    Raises LithoError if it or an answer is empty, the answers begin with the same token, or the
    context is longer than the model's.
    """
    if not context.strip():
        raise LithoError("the context is empty: write what stands in front of the answer")
    if not all(answer.strip() for answer in answers):
        raise LithoError("an answer is empty: give two words, such as --answers door bell")
    context = context.rstrip()
    row, tokens = answered(model, context, (answers[0].strip(), answers[1].strip()))
    if len(row) > model.context:
        raise LithoError(
            f"a context of {len(row)} tokens, but {model.source.name} reads {model.context}: "
            "shorten it"
        )
    opening = [""] * len(model.start)
    pieces = opening + model.pieces(context)
    return Asking(row, tokens, (*pieces, *(model.decode([token]) for token in row[len(pieces) :])))


def check_graph(model: LanguageModel, asked: Asking) -> None:
    """Raises LithoError if the model is one of which there is no graph, by a few of the tokens."""
    flow(model, asked.row[:TRIED], asked.tokens)


def graph(state: State, asked: Asking) -> Graph:
    """Where the preference for the first answer comes from, in nats.

    One forward and one backward pass, and two forward passes for each number of `KEPT`. Raises
    LithoError if the heads of the model cannot be watched.
    """
    with state.active() as model:
        found = flow(model, asked.row, asked.tokens)
        edges = _Edges(found, len(model.start))
        strongest_E4, share_E, value_E = edges.strongest(KEPT[-1])
        drawn_E4 = edges.drawn(KEPT[-1])
        none, *few = (count for count in KEPT if count < edges.count)
        m_none = _m_through(model, asked, strongest_E4[:none])
        kept = [_kept(found.m, m_none, none, m_none, m_none)]
        for count in few:
            m, random_m = (
                _m_through(model, asked, chosen_E4[:count])
                for chosen_E4 in (strongest_E4, drawn_E4)
            )
            kept.append(_kept(found.m, m_none, count, m, random_m))
    values = found.token_T.tolist()
    told = zip(strongest_E4[:TOLD].tolist(), share_E.tolist(), value_E.tolist(), strict=False)
    return Graph(
        m=found.m,
        biases=found.biases,
        opening=edges.opening,
        layers=len(found.heads),
        tokens=tuple(
            GraphToken(text=t, value=v) for t, v in zip(asked.pieces, values, strict=True)
        ),
        edges=tuple(
            GraphEdge(layer=layer, head=head, source=source, target=target, share=p, value=value)
            for (layer, head, target, source), p, value in told
        ),
        shifts=_shifts(found.shift_LT),
        all_edges=edges.count,
        kept=tuple(kept),
    )


def _kept(whole: float, none: float, edges: int, m: float, random_m: float) -> Kept:
    """`whole` and `none`: the preference with all edges, and with none of them."""
    return Kept(
        edges=edges,
        m=m,
        ratio=m / whole if whole else None,
        faithfulness=(m - none) / (whole - none) + 0.0 if whole != none else None,  # no "-0"
        random_m=random_m,
    )


@torch.no_grad()
def _m_through(model: LanguageModel, asked: Asking, edges_E4: Tensor) -> float:
    """The preference that is left when all other edges are cut."""
    ids_BT = torch.tensor([asked.row], device=HOST)
    with only(edges_E4, len(model.start)):
        logits_V = logits_at(model, ids_BT, [(0, len(asked.row) - 1)])[0].float()
    return (logits_V[asked.tokens[0]] - logits_V[asked.tokens[1]]).item()


def _shifts(shift_LT: Tensor) -> tuple[GraphShift, ...]:
    best = shift_LT.abs().flatten().topk(min(TOLD, shift_LT.numel())).indices.tolist()
    places = (divmod(place, shift_LT.shape[1]) for place in best)
    return tuple(
        GraphShift(layer=layer, token=token, value=shift_LT[layer, token].item())
        for layer, token in places
    )


class _Edges:
    """All edges between tokens of the text, those from the opening token left out."""

    def __init__(self, found: Flow, opening: int) -> None:
        self.opening = opening
        self._layers = found.heads
        self._heads, tokens = found.heads[0].gradient_HTD.shape[:2]
        own = tokens - opening
        self._pairs = own * (own + 1) // 2
        self.count = len(found.heads) * self._heads * self._pairs

    def strongest(self, count: int) -> tuple[Tensor, Tensor, Tensor]:
        """The edges through which most flows, E x 4, their attention and what flows, E each."""
        found = torch.empty(0, 6, dtype=torch.float64, device=HOST)
        for layer, heads in enumerate(self._layers):
            for start, p_HNS, value_HNS in heads.blocks():
                seen_NS = torch.ones_like(p_HNS[0], dtype=torch.bool).tril(start)
                seen_NS[:, : self.opening] = False
                size_HNS = value_HNS.abs().masked_fill(~seen_NS, -1.0)
                best = size_HNS.flatten().topk(min(count, size_HNS.numel()))
                places_E = best.indices[best.values >= 0]
                head_E, token_E, source_E = torch.unravel_index(places_E, size_HNS.shape)
                columns = (
                    torch.full_like(head_E, layer),
                    head_E,
                    token_E + start,
                    source_E,
                    p_HNS.flatten()[places_E],
                    value_HNS.flatten()[places_E],
                )
                rows_E6 = torch.stack([column.double().cpu() for column in columns], dim=1)
                found = torch.cat([found, rows_E6])
            order_E = found[:, 5].abs().argsort(descending=True, stable=True)
            found = found[order_E[:count]]
        return found[:, :4].long(), found[:, 4], found[:, 5]

    def drawn(self, count: int) -> Tensor:
        """Edges drawn at random, E x 4."""
        chosen = random.Random(SEED).sample(range(self.count), min(count, self.count))
        return torch.tensor([self._edge(number) for number in chosen], device=HOST)

    def _edge(self, number: int) -> tuple[int, int, int, int]:
        rest, pair = divmod(number, self._pairs)
        layer, head = divmod(rest, self._heads)
        token = (isqrt(8 * pair + 1) - 1) // 2
        source = pair - token * (token + 1) // 2
        return layer, head, token + self.opening, source + self.opening
