"""Settings and records of a training; no torch."""

from typing import Literal

from pydantic import BaseModel, Field, field_validator

from litho.core.config import Config
from litho.core.records import Record


class Recipe(Config):
    """How one text is trained on.

    What plain PEFT and torch would do: a float32 base, `torch.manual_seed(seed)` just before the
    adapter is made, no dropout, no weight decay, no clipping, a constant learning rate, the whole
    text in every step, all tokens after the opening one supervised by the mean cross-entropy.
    """

    rank: int = Field(8, ge=1)
    """Rank of the LoRA adapter."""
    alpha: int = Field(16, ge=1)
    """LoRA's alpha: the update is scaled by `alpha / rank`."""
    target_modules: tuple[str, ...] | None = None
    """Linear layers to adapt, by the last part of their names (`q_proj`); none or `all`: all."""
    layers: tuple[int, ...] | None = None
    """Blocks to adapt, counted from 0; none or `all`: all."""
    learning_rate: float = Field(5e-4, gt=0)
    """Constant learning rate."""
    steps: int = Field(20, ge=1)
    """Optimizer steps; each sees the whole text."""
    seed: int = 0
    """Seed of the adapter's initial weights."""
    optimizer: Literal["adamw", "sgd"] = "adamw"
    """Optimizer, without weight decay."""

    @field_validator("target_modules", "layers", mode="before")
    @classmethod
    def _all(cls, value: object) -> object:
        return None if value in ("all", "all-linear") else value


class Depth(Record):
    """The layers into which a text is to be printed, and why."""

    layers: tuple[int, ...]  # blocks, from 0
    pull: tuple[float, ...]  # share of every block in what the text alone pulls at
    reason: str


Keys = Literal["random", "text"]

Layers = Literal["all", "pull", "random", "top"]

Modules = Literal["all", "mlp"]


class LoopConfig(Config):
    """How an arm is trained; the same for the imprint and its controls."""

    presentations: int = Field(50, ge=1)
    """Maximum number of presentations of each page; of one page, each is one optimizer step."""
    rank: int = Field(8, ge=1)
    """Rank of the LoRA adapter."""
    alpha: int = Field(16, ge=1)
    """LoRA's alpha: the update is scaled by `alpha / rank`."""
    learning_rate: float = Field(1e-3, gt=0)
    """Highest learning rate."""
    warmup: int = Field(4, ge=1)
    """Presentations over which the learning rate rises to its highest value."""
    settle: int = Field(10, ge=1)
    """Presentations at the end over which the learning rate falls to zero."""
    replay_rows: int = Field(3, ge=1)
    """Rows per step, for the drift term."""
    clip: float = Field(1.0, gt=0)
    """Gradients are clipped to this norm."""
    check_every: int = Field(5, ge=1)
    """Presentations between two measurements and checkpoints; twice as many in the control."""
    micro_tokens: int = Field(256, ge=1)
    """Maximum padded tokens of a presentation in one forward pass. It changes memory use, and the
    result only by rounding. A longer row goes alone; the rows of the drift term go together."""
    seed: int = 0
    """Seed of everything that is drawn at random."""


class Check(BaseModel):
    """What was measured after so many presentations."""

    presentations: int
    anchor: float | None  # imprint on held-out rewordings that Litho made; steers the stop
    anchor_interval: tuple[float, float] | None = None
    imprint: dict[str, float | None]  # on the probes of the report; steers nothing
    drift_self: float  # nats per token, on self-samples kept out of training
    drift_retention: float  # nats per token, on part of the retention text
    cells: dict[str, float] = {}  # D of each cell of the capture test, where trails are printed
    attention: float | None = None  # how much it prefers the rule that applies, from -1 to 1


class Step(BaseModel):
    """One presentation in the ledger."""

    presentations: int
    tokens: int  # supervised
    loss: float | None  # nats per token; none where only self-samples were replayed
    drift: float | None  # nats per token on the replay rows of this step, before it
    weight: float | None
    shown: str | None = None  # what made the presentation: an operator, RUNG, or nothing but REPLAY
    rung: str | None = None  # the version of the text that a ladder had reached
    left: int | None = None  # tokens of the text that the ladder has yet to bring in
    check: Check | None = None


Loss = Literal["all", "low_perplexity", "entropy_gated", "dosed", "distilled"]
