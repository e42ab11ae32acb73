"""The graph of one context as it is kept; no torch."""

from litho.core.records import Record


class GraphToken(Record):
    """A token of what is read, the opening token among them."""

    text: str
    value: float  # how much of the preference begins in its embedding


class GraphEdge(Record):
    """A head looks from one token at another, counted through from the opening token."""

    layer: int
    head: int
    source: int  # the token that is looked at
    target: int  # the token that looks
    share: float  # of the head's attention
    value: float  # how much of the preference flows through


class GraphShift(Record):
    """What the MLP of a layer adds to a token."""

    layer: int
    token: int
    value: float


class Kept(Record):
    """What is left of the preference when all other edges are cut."""

    edges: int
    m: float
    ratio: float | None  # m over that of the whole model; none: that is 0
    faithfulness: float | None  # how much of what all edges together do to m; none: nothing
    random_m: float  # with as many edges drawn at random


class Graph(Record):
    """From token to output: where the preference for one answer comes from.

    `m` is log P of the first answer minus log P of the second, in nats. The values of all tokens
    and `biases` add up to it.
    """

    m: float
    biases: float  # of attention
    opening: int  # tokens in front of the context
    layers: int
    tokens: tuple[GraphToken, ...]
    edges: tuple[GraphEdge, ...]  # the strongest, strongest first; none from the opening token
    shifts: tuple[GraphShift, ...]  # likewise
    all_edges: int
    kept: tuple[Kept, ...]
