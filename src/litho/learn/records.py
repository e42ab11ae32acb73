"""Settings and records of a training; no torch."""

from typing import Literal

from pydantic import BaseModel, Field

from litho.core.config import Config
from litho.core.records import Record


class Recipe(Config):
    """How one text is trained on.

    What plain PEFT and torch would do: a float32 base, `torch.manual_seed(seed)` just before the
    adapter is made, no dropout, no weight decay, no clipping, a constant learning rate, the whole
    text in every step, all tokens after the opening one supervised by the mean cross-entropy.
    """

    rank: int = Field(8, ge=1)
    alpha: int = Field(16, ge=1)
    target_modules: tuple[str, ...] | None = None  # last parts of names; None: all linear layers
    layers: tuple[int, ...] | None = None  # blocks from 0; None: all
    learning_rate: float = Field(5e-4, gt=0)
    steps: int = Field(20, ge=1)
    seed: int = 0
    optimizer: Literal["adamw", "sgd"] = "adamw"


class Depth(Record):
    """The layers into which a text is to be printed, and why."""

    layers: tuple[int, ...]  # blocks, from 0
    pull: tuple[float, ...]  # share of every block in what the text alone pulls at
    reason: str


Keys = Literal["random", "text"]

Layers = Literal["all", "pull", "random", "top"]


class LoopConfig(Config):
    """How an arm is trained; the same for the imprint and its controls."""

    presentations: int = Field(50, ge=1)
    rank: int = Field(8, ge=1)
    alpha: int = Field(16, ge=1)
    learning_rate: float = Field(1e-3, gt=0)
    warmup: int = Field(4, ge=1)  # presentations until the learning rate is reached
    settle: int = Field(10, ge=1)  # presentations at the end in which it falls to zero
    replay_rows: int = Field(3, ge=1)  # self-samples in a step, for the drift term
    clip: float = Field(1.0, gt=0)  # norm of the gradient
    check_every: int = Field(5, ge=1)  # presentations between two measurements and checkpoints
    micro_tokens: int = Field(256, ge=1)  # padded tokens in one forward pass
    seed: int = 0


class Check(BaseModel):
    """What was measured after so many presentations."""

    presentations: int
    anchor: float | None  # imprint on held-out rewordings that Litho made; steers the stop
    anchor_interval: tuple[float, float] | None = None
    imprint: dict[str, float | None]  # on the probes of the report; steers nothing
    drift_self: float  # nats a token, on self-samples kept out of training
    drift_retention: float  # nats a token, on part of the retention text


class Step(BaseModel):
    """One presentation in the ledger."""

    presentations: int
    tokens: int  # supervised
    loss: float | None  # nats a token; none where only self-samples were replayed
    drift: float | None  # nats a token on the replay rows of this step, before it
    weight: float | None
    shown: str | None = None  # what made the presentation: an operator, RUNG, or nothing but REPLAY
    rung: str | None = None  # the version of the text that a ladder had reached
    left: int | None = None  # tokens of the text that the ladder has yet to bring in
    check: Check | None = None


Loss = Literal["all", "low_perplexity", "entropy_gated", "dosed", "distilled"]
