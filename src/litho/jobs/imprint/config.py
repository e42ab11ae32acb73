"""What an imprint starts from: texts, probes, settings; no torch."""

from typing import Any, Literal, Self

from pydantic import Field, model_validator

from litho.jobs.imprint.onto import Onto
from litho.jobs.imprint.result import DUPLICATES, IMPRINT
from litho.jobs.spec import ModelSpec
from litho.learn.records import Keys, Layers, LoopConfig, Loss, Modules
from litho.text.items import Probe
from litho.text.pages import Page, pages_in
from litho.text.shipped import shipped_neighbours, shipped_retention
from litho.text.variants import MAX_MEAN_KL, MAX_SURPRISE, MEASURED

MEASURED_RHYTHM = "measured"  # the best in a short training in each


class ImprintConfig(LoopConfig):
    """Settings of the main job."""

    presentations: int = Field(25, ge=1)
    """Maximum number of presentations of each page; of one page, each is one optimizer step."""

    step_tokens: int = Field(4096, ge=1)
    """Tokens of the versions that a step shows where there are several pages; a longer version goes
    alone."""
    budget: float = Field(0.015, gt=0)
    """Drift allowed, in nats per token (`--budget`)."""
    max_mean_kl: float = Field(MAX_MEAN_KL, gt=0)
    """Mean KL, in nats per token, up to which a variant is accepted."""
    max_surprise: float = Field(MAX_SURPRISE, gt=0)
    """Surprise, in nats, that a variant may add at any single token."""
    operators: tuple[str, ...] = MEASURED
    """Operators that make the versions of the text; empty: all."""
    loss: Loss = "all"
    """Which tokens count in the loss, and how much."""
    rhythm: str = "spaced"
    """Order of the versions: `spaced`, `blocked`, `expanding`, `interleaved`, or `measured`: the
    best of the four in a short training."""
    layers: Layers = "all"
    """Blocks that the adapter is in."""
    modules: Modules = "mlp"
    """Linear layers of these blocks that the adapter is in: those of the MLPs, where the model has
    any, or all."""
    rank: int = Field(48, ge=1)
    """Rank of the LoRA adapter."""
    alpha: int = Field(96, ge=1)
    """LoRA's alpha: the update is scaled by `alpha / rank`."""
    keys: Keys = "text"
    """How LoRA's matrix A is set: random and trained, or computed from the text and fixed."""
    ladder: bool = False
    """Whether the first two thirds of the presentations are rungs of a ladder up to the text."""
    bridge: bool = False
    """Whether to put a clause in front of the most surprising word of each statement."""
    ignore_largest: float = Field(0.0, ge=0, lt=1)
    """Share of the entries of each matrix's update, the largest ones, that is set to zero after
    training."""
    replies: int = Field(8, ge=0)
    """Answers in the model's chat format that are shown with each version: questions about the text
    with its sentences as answers, at most for a third of the sentences at a time. A model without a
    chat template is shown none."""
    controls: Literal["duplicates", "none"] = "duplicates"
    """The control: plain LoRA on duplicates of the text, or none (`--controls`)."""
    replay: Literal["prose", "samples", "both"] = "prose"
    """Text on which the model is held to its base in training: `prose`, passages of many kinds that
    come with Litho; `samples`, what the base itself writes (self-samples); or both."""
    replay_pool: int = Field(36, ge=1)
    """Self-samples for the drift term."""
    replay_unseen: int = Field(12, ge=1)
    """Self-samples that are kept out of training, on which drift is checked."""
    replay_length: int = Field(128, ge=8)
    """Tokens of each self-sample."""
    retention_tokens: int = Field(4096, ge=1)
    """Maximum tokens of the retention text that are measured."""
    dtype: Literal["bfloat16", "float32"] | None = None
    """Precision of the base model during training; none: bfloat16 if the device multiplies in
    it without emulation, else float32. `--dtype` is the precision of measuring."""

    @model_validator(mode="after")
    def _enough_samples(self) -> Self:
        if self.replay_rows > self.replay_pool:
            raise ValueError("replay_rows must not be greater than replay_pool")
        return self

    def widened(self, rank: int) -> Self:
        """With a rank of several pages together, and updates scaled as for one."""
        alpha = max(1, round(self.alpha * rank / self.rank))
        return self.model_copy(update={"rank": rank, "alpha": alpha})

    @property
    def arms(self) -> list[str]:
        """What is trained: the imprint and its controls."""
        return [IMPRINT] + ([DUPLICATES] if self.controls == "duplicates" else [])


class ImprintSpec(ModelSpec):
    """Pages and probes of an imprint, kept in the run itself so that it can be resumed anywhere."""

    pages: tuple[Page, ...]
    onto: Onto | None = None  # what carries the first of the pages already
    retention: str | None = None  # None: the pages shipped with Litho
    hold: tuple[str, ...] = ()  # the user's own texts on which the model is held to its base
    notices: tuple[str, ...] = ()  # what is to be said of the files that were given
    config: ImprintConfig = ImprintConfig()

    @model_validator(mode="before")
    @classmethod
    def _of_one_page(cls, values: dict[str, Any]) -> dict[str, Any]:
        """Runs of earlier versions held one page, key by key."""
        old = ("text", "marked", "text_name", "probes")
        if "pages" in values or not {"text", "text_name"} <= values.keys():
            return values
        return {k: v for k, v in values.items() if k not in old} | {"pages": pages_in(values)}

    @property
    def printed(self) -> range:
        """The places of the pages that are to be printed."""
        return range(self.onto.pages if self.onto else 0, len(self.pages))

    def retention_text(self) -> str:
        return self.retention or shipped_retention()

    def neighbours(self) -> list[Probe]:
        """The user's neighbour probes, else general facts shipped with Litho."""
        own = [p for page in self.pages for p in page.probes or () if p.kind == "neighbour"]
        return own or shipped_neighbours()

    def pinned(self) -> Self:
        from litho.model.placement import training_dtype

        config = self.config.model_copy(
            update={"dtype": self.config.dtype or training_dtype(self.device.name)}
        )
        return super().pinned().model_copy(update={"config": config})
