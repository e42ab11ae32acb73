"""What an imprint starts from: texts, probes, settings; no torch."""

from typing import Literal, Self

from pydantic import Field, model_validator

from litho.jobs.imprint.result import DUPLICATES, IMPRINT
from litho.jobs.spec import ModelSpec
from litho.learn.records import Keys, Layers, LoopConfig, Loss
from litho.text.items import Probe
from litho.text.shipped import shipped_neighbours, shipped_retention
from litho.text.variants import MAX_MEAN_KL, MAX_SURPRISE, MEASURED

MEASURED_RHYTHM = "measured"  # the best in a short training in each


class ImprintConfig(LoopConfig):
    """Settings of the main job."""

    budget: float = Field(0.015, gt=0)  # nats a token that the model may drift
    max_mean_kl: float = Field(MAX_MEAN_KL, gt=0)  # volatility budget of a variant, nats
    max_surprise: float = Field(MAX_SURPRISE, gt=0)  # likewise
    operators: tuple[str, ...] = MEASURED  # that make the variants; none: all
    loss: Loss = "all"
    rhythm: str = "spaced"  # or measured
    layers: Layers = "all"
    keys: Keys = "random"
    ladder: bool = False  # first the rungs up to the text
    bridge: bool = False  # lead up to the words that surprise most
    ignore_largest: float = Field(0.0, ge=0, lt=1)  # share of what training added to a matrix
    controls: Literal["duplicates", "none"] = "duplicates"
    replay_pool: int = Field(36, ge=1)  # self-samples for the drift term
    replay_unseen: int = Field(12, ge=1)  # self-samples kept out of training
    replay_length: int = Field(128, ge=8)  # tokens of each
    retention_tokens: int = Field(4096, ge=1)  # how much of the retention text is measured
    dtype: Literal["bfloat16", "float32"] | None = None  # of the base; None: the faster one

    @model_validator(mode="after")
    def _enough_samples(self) -> Self:
        if self.replay_rows > self.replay_pool:
            raise ValueError("replay_rows must not be greater than replay_pool")
        return self

    @property
    def arms(self) -> list[str]:
        """What is trained: the imprint and its controls."""
        return [IMPRINT] + ([DUPLICATES] if self.controls == "duplicates" else [])


class ImprintSpec(ModelSpec):
    """Texts and probes of an imprint, kept in the run itself so that it can be resumed anywhere."""

    text: str
    marked: str | None = None  # the text with its marks, if it has any
    text_name: str
    probes: list[Probe] | None = None  # None: Litho makes them
    retention: str | None = None  # None: the pages shipped with Litho
    config: ImprintConfig = ImprintConfig()

    def retention_text(self) -> str:
        return self.retention or shipped_retention()

    def neighbours(self) -> list[Probe]:
        """The user's neighbour probes, else general facts shipped with Litho."""
        own = [p for p in self.probes or [] if p.kind == "neighbour"]
        return own or shipped_neighbours()

    def pinned(self) -> Self:
        from litho.model.placement import training_dtype

        config = self.config.model_copy(
            update={"dtype": self.config.dtype or training_dtype(self.device.name)}
        )
        return super().pinned().model_copy(update={"config": config})
