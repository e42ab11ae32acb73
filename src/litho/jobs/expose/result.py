"""What presenting a text did; no torch."""

from typing import Literal

from litho.core.records import Record
from litho.core.stats import Estimate

# Shapes: L layers, T tokens, D width of the residual stream.
Experiment = Literal["context", "training", "thirds", "injection"]
ExposedArm = Literal["text", "unrelated", "random"]


class Response(Record):
    """What one way of presenting a text did."""

    experiment: Experiment
    arm: ExposedArm
    dose: float  # presentations, steps, or strength
    layers: tuple[int, int] | None  # first and last that were changed; none: nothing was
    surprise: Estimate  # of the text, nats per token
    kl: Estimate  # on the text, KL(before || now), nats per token
    drift: Estimate | None  # the same on the unrelated text; none: it was not read
    change: list[float]  # relative change of the hidden states of the text, by layer


class ExposeResult(Record):
    """What `metrics.json` and `--json` of `litho expose` hold."""

    run: str
    tokens: int  # that were read of each text
    alone: Estimate  # surprise of the text read by itself, nats per token
    notices: tuple[str, ...] = ()
    responses: tuple[Response, ...]
