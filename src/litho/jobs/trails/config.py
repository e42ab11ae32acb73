"""What printing and testing trails, and a graph, start from; no torch."""

from typing import Literal, Self

from pydantic import Field, model_validator

from litho.core.config import Config
from litho.jobs.spec import ModelSpec, adapter_in
from litho.learn.records import LoopConfig
from litho.text.shipped import shipped_retention
from litho.text.trails.external import ExternalSet
from litho.text.trails.library import Library

Channels = Literal["qk", "qkvo", "mlp", "all"]
TrailObjective = Literal["answer", "text", "routing", "routing+answer", "teacher"]
Shown = Literal["chains", "shuffled", "turned", "fixed", "scrambled", "bare"]


class CaptureConfig(Config):
    """How the capture test measures."""

    pairs: int = Field(20, ge=2)
    """Pairs of contexts for each form and cell."""
    few_shot_pairs: int = Field(6, ge=0)
    """Pairs for each form that are also read behind two worked examples; 0: none are."""
    depth_pairs: int = Field(2, ge=0)
    """Pairs for each trained form that are read layer by layer, and as many near-misses; 0: none
    are."""
    map_pairs: int = Field(2, ge=0)
    """Pairs for each form in each half of the chains from which the map of the trails is made; 0:
    there is none."""
    budget: float = Field(0.015, gt=0)
    """Drift allowed, in nats per token (`--budget`)."""
    retention_tokens: int = Field(4096, ge=1)
    """Maximum tokens of the retention text that are measured."""
    seed: int = 0
    """Seed of what is drawn at random, but for the chains of `depth_pairs` and `map_pairs`: these
    are the same for every seed."""


class PrintConfig(LoopConfig, CaptureConfig):
    """How trails are printed, and then tested."""

    channels: Channels = "qk"
    """Layers that are trained (`--channels`): queries and keys, all of attention, MLPs, or all."""
    objective: TrailObjective = "answer"
    """What is asked of them (`--objective`): the `answer`; the whole chain (`text`); that attention
    goes to the rule that applies (`routing`); that and a tenth of the answer; or that heads read
    what those of a `teacher` read, an adapter on all layers that is trained on the answer first."""
    presentations: int = Field(150, ge=1)
    """Maximum number of steps."""
    heads: Literal["looking", "random"] = "looking"
    """Heads of `routing`: those that look most at both answers, or any, to compare with."""
    shown: Shown = "chains"
    """What is trained on: `chains`; or, to compare with, chains whose answers are right by chance
    (`shuffled`) or never (`turned`), with the same words in every step (`fixed`), with the words of
    the premises in an order of chance (`scrambled`), or without their connectives (`bare`)."""
    chains: int = Field(8, ge=2)
    """Chains in each step: pairs of contexts that differ in the deciding premise."""
    start_forms: int = Field(4, ge=1)
    """Forms that are mixed from the beginning; the others enter as the mixture is ready."""
    ready: float = Field(0.5, gt=0)
    """Mean loss of the newest forms, in nats, below which the next two enter."""
    rank: int = Field(8, ge=1)
    """Rank of an adapter on all layers; channels with fewer weights get a higher one, so that every
    choice of channels has about as many weights."""
    learning_rate: float = Field(2e-3, gt=0)
    """Highest learning rate."""
    check_every: int = Field(15, ge=1)
    """Steps between two measurements and checkpoints."""
    curve_pairs: int = Field(1, ge=1)
    """Pairs for each form and cell in these measurements."""
    pairs: int = Field(12, ge=2)
    """Pairs of contexts for each form and cell of the capture test."""
    micro_tokens: int = Field(512, ge=1)
    """Maximum padded tokens of a step in one forward pass."""
    seed: int = 0
    """Seed of what is drawn at random, but for the chains of `depth_pairs` and `map_pairs` and
    those by which heads are chosen: these are the same for every seed."""
    replay_length: int = Field(128, ge=8)
    """Tokens of each passage on which the model is held to its base."""
    control: Literal["none", "shuffled"] = "none"
    """Trains the same adapter once more on shuffled answers, to compare with; doubles the time."""
    dtype: Literal["bfloat16", "float32"] | None = None
    """Precision of the base model during training; none: bfloat16 if the device multiplies in
    it without emulation, else float32. `--dtype` is the precision of measuring."""

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        if "routing" in self.objective and self.shown in ("scrambled", "bare"):
            raise ValueError(
                f"routing needs the rules as they are: choose another objective for {self.shown}"
            )
        if self.objective == "teacher" and self.control != "none":
            raise ValueError("a teacher shows no answers: leave the control out")
        if "routing" not in self.objective and self.heads != "looking":
            raise ValueError("only routing trains by heads: leave heads out, or choose routing")
        return self


class TrailsSpec(ModelSpec):
    """A library of trails, kept in the run itself."""

    library: Library
    library_name: str
    alone: bool = False  # a library of one form is wanted
    external: tuple[ExternalSet, ...] = ()
    retention: str | None = None  # none: pages that come with Litho

    def retention_text(self) -> str:
        return shipped_retention() if self.retention is None else self.retention


class CaptureSpec(TrailsSpec):
    """The capture test of a model, or of an adapter on it."""

    adapter: str | None = None  # folder of a PEFT adapter
    config: CaptureConfig = CaptureConfig()

    def adapters(self) -> dict[str, str]:
        return adapter_in(self.adapter)


class PrintSpec(TrailsSpec):
    """Trails that are to be printed."""

    config: PrintConfig = PrintConfig()


class GraphSpec(ModelSpec):
    """A context with two answers, and what reads it."""

    context: str
    answers: tuple[str, str]
    near_miss: str | None = None  # another context, to compare with
    adapter: str | None = None  # folder of a PEFT adapter

    def adapters(self) -> dict[str, str]:
        return adapter_in(self.adapter)
