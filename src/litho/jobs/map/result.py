"""What a response map found; no torch."""

from litho.core.records import Record, absent
from litho.core.stats import MeanAndMax


class MapLayer(Record):
    """Means over the tokens of what a block does; the maps themselves are in maps.safetensors."""

    layer: int
    norm: float  # of the residual stream after the block
    relative_change: float  # norm of what the block adds over norm of what it was given
    cosine: float  # between what it was given and what it gave
    gradient: float | None = absent()  # norm of the gradient of the loss, if asked for


class MapHead(Record):
    """Means over the tokens of where a head looks."""

    layer: int
    head: int
    entropy: float  # of its attention, nats
    distance: float  # how far back it looks, tokens
    first_token: float  # share of attention on the first token, 0 to 1


class MapResult(Record):
    """What `metrics.json` and `--json` of `litho map` hold."""

    run: str
    tokens: int
    surprise: MeanAndMax  # nats per token
    entropy: MeanAndMax  # nats
    top1: float  # share of tokens that were the likeliest, 0 to 1
    layers: tuple[MapLayer, ...]
    heads: tuple[MapHead, ...]  # of the layers whose attention could be watched
    notices: tuple[str, ...] = ()
