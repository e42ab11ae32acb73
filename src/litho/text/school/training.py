"""The keys of a genome that say what is trained, and how."""

from typing import Annotated, Literal

from pydantic import Field

from litho.core.config import Config

SINGLE, BASE = "single", "base"  # adapters of `litho roles` that are no speakers: all, and none
# An adapter is called by it, and its name may have no full stop.
Speaker = Annotated[str, Field(pattern=r"^[\w-]+$", max_length=60)]


class Model(Config):
    """A model that begins with random weights."""

    arch: Literal["llama"] = "llama"
    """Its architecture: a Llama, which transformers loads as any other."""
    d: int = Field(default=128, ge=8, le=8192)
    """Width: numbers by which a token is represented."""
    layers: int = Field(default=4, ge=1, le=200)
    """Blocks, each with weights of its own."""
    heads: int = Field(default=4, ge=1, le=256)
    """Attention heads of a block; they share its width evenly."""
    loops: int = Field(default=1, ge=1, le=64)
    """How often all blocks are gone through, one round after the other. Rounds share their weights
    while they are trained, and are saved as copies: a model of `layers` × `loops` blocks."""


class Average(Config):
    """The model at the end of a stage is the mean of its last snapshots.

    Training itself goes on from the weights as they are.
    """

    last: int = Field(default=8, ge=1, le=1000)
    """How many; 1: the weights as they are at the end."""
    every: int = Field(default=25_000, ge=1)
    """Tokens from one to the next. All of them lie in the stage."""


class Adapter(Config):
    """A LoRA adapter that is trained in place of all weights of a model that goes on."""

    rank: int = Field(default=16, ge=1, le=1024)
    """Its rank, on all linear layers."""
    drift: float | None = Field(default=None, gt=0, le=10)
    """The budget of drift: how far what the model says to passages of other kinds of writing may
    move, KL in nats per token; none: nothing holds it."""


class Train(Config):
    """How it is trained: AdamW, at one rate after a short warm-up."""

    seq: int = Field(default=256, ge=8, le=65536)
    """Tokens of a row: as far as the model sees."""
    batch_tokens: int = Field(default=2048, ge=8, le=10**8)
    """Tokens of a step, in whole rows."""
    peak_lr: float = Field(default=2e-3, gt=0, le=1)
    """Learning rate."""
    warmup: int = Field(default=100, ge=0)
    """Steps, counted from the first of all stages, in which it is reached."""
    schedule: Literal["constant"] = "constant"
    """`constant`: it stays there, so that genomes with the same first stages share them exactly;
    the mean of snapshots does what a falling rate would do."""
    average: Average = Average()
    """The snapshots of which the model is the mean."""
    attend: Literal["across", "document"] = "across"
    """What a token sees of its row: `across`: everything before it, so that a page may see the page
    before it, which is an accidental bridge; `document`: its own page alone."""
    adapter: Adapter | None = None
    """Of a model that goes on (`start`): train an adapter, which is saved at the end of each stage;
    none: all weights are trained."""


class Advance(Config):
    """When a stage has taught what it can."""

    slope_bpb: float = Field(default=0.01, ge=0, le=8)
    """Go on to the next stage once its books get easier by less than so many bits per byte from one
    probe to the next, on average over them,"""
    patience: int = Field(default=2, ge=1, le=1000)
    """so many times in a row. The last stage is always read whole."""


class Alarm(Config):
    """What must not happen while the loss falls."""

    gap_rise: float = Field(default=0.05, gt=0, le=8)
    """Alarm if a book in wordings that no book uses falls behind by so many bits per byte more than
    at best, at two probes in a row, while in the book's own wordings it gets easier."""
    forget: float = Field(default=0.05, gt=0, le=8)
    """Alarm if a book has become harder by so many bits per byte than it was at best."""


class Pacing(Config):
    """A curriculum that adapts while it trains."""

    probe: int = Field(default=100_000, ge=1)
    """Tokens from one probe to the next, within a stage."""
    advance: Advance = Advance()
    """When a stage ends before its tokens are used up."""
    alarm: Alarm = Alarm()
    """What sets off an alarm."""
    on_alarm: tuple[Literal["reread", "switch_book", "inject_scene"], ...] = (
        "reread",
        "switch_book",
    )
    """What is done, the first that can be: `reread`: read pages of a forgotten book again, every
    second step until half of the tokens to the next probe are used; `switch_book`: put off the rest
    of a book of which the gap rises; `inject_scene`: play scenes about the book that are still to
    come in the stage at once. None: alarms are noted alone."""


class Loss(Config):
    """How much the parts of a scene count: L = sum of weight times loss, over the sum of weights.

    The weights of a step are divided by their sum, so that they leave the learning rate as it is.
    """

    default: float = Field(default=1.0, gt=0, le=100)
    """Weight of every token that belongs to none of the following."""
    wrong: float = Field(default=0.0, ge=0, le=100)
    """Of a wrong attempt."""
    detect: float = Field(default=2.0, ge=0, le=100)
    """Of what is said about an attempt: that it is wrong, or right."""
    repair: float = Field(default=2.0, ge=0, le=100)
    """Of the repair."""
    attempts: Literal["random", "own", "none"] = "random"
    """Attempts in scenes of kind `repair`: over a wrong thing in the middle; what the model itself
    answers at the beginning of the stage; or none, so that only right answers are read."""
    right: float = Field(default=0.25, ge=0, le=0.9)
    """Share of these scenes in which the attempt is right, and is said to be."""

    def weight(self, part: str) -> float:
        """Of a part of a scene."""
        weights = {"wrong": self.wrong, "detect": self.detect, "repair": self.repair}
        return weights.get(part, self.default)


class RoleAdapter(Config):
    """An adapter for what one speaker says."""

    rank: int = Field(default=4, ge=1, le=256)
    """Its rank."""
    from_: str | None = Field(default=None, alias="from")
    """The first stage whose scenes it learns from; none: those of all stages."""


class Roles(Config):
    """Speakers with adapters of their own, see `litho roles`."""

    adapters: dict[Speaker, RoleAdapter] = Field(min_length=1)
    """By the name of the speaker."""
