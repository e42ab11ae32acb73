"""What presenting a text did."""

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
    surprise: Estimate  # of the text, nats a token
    kl: Estimate  # on the text, KL(before || now), nats a token
    drift: Estimate | None  # the same on the unrelated text; none: it was not read
    change: list[float]  # relative change of the hidden states of the text, by layer
