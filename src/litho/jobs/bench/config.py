"""What is compared, and how."""

from typing import Annotated, Literal, Self

from pydantic import Field

from litho.core.config import Config
from litho.core.errors import LithoError
from litho.jobs import DEFAULT_MODEL
from litho.jobs.spec import Spec
from litho.text.cases import Case

Positive = Annotated[float, Field(gt=0)]


class BenchConfig(Config):
    """A comparison. The defaults are the protocol `quick`."""

    model: str = DEFAULT_MODEL
    """Model, named as for `--model` of the other commands."""
    dtype: Literal["bfloat16", "float32"] | None = None
    """Precision of the base model in training and measuring; none: that of `--dtype`, else bfloat16
    if the device multiplies in it without emulation, else float32."""
    texts: int = Field(10, ge=1)
    """Number of texts to compare on."""
    sweep_texts: int = Field(1, ge=1)
    """Texts for the sweep alone; they follow the others in the file."""
    seeds: int = Field(2, ge=1)
    """Seeds per text."""
    ablation_seeds: int = Field(1, ge=0)
    """Seeds per text of the ablations."""
    checks: tuple[int, ...] = (4, 8, 14)
    """Numbers of presentations after which arms are measured; the end always is."""
    words: int | None = Field(120, ge=10)
    """Words to which a text is shortened; none: whole texts."""
    presentations: int = Field(24, ge=1)
    """Presentations per text, each one optimizer step."""
    learning_rates: tuple[Positive, ...] = Field((3e-4, 1e-3, 2e-3), min_length=1)
    """Learning rates that the sweep tries."""
    kl_weights: tuple[Positive, ...] = Field((10.0, 40.0, 160.0), min_length=1)
    """Weights of the drift term that the sweep tries for the arm `fixed KL`."""
    budget: float = Field(0.007, gt=0)
    """Drift allowed, in nats per token, on self-samples kept out of training."""
    drift_limit: float = Field(0.0075, gt=0)
    """D_ret, in nats per token, up to which the sweep prefers a setting."""
    samples: int = Field(56, ge=2)
    """Self-samples per text for the drift term."""
    unseen: int = Field(16, ge=1)
    """Self-samples per text that are kept out of training."""
    sample_tokens: int = Field(96, ge=8)
    """Tokens of each self-sample."""
    retention_tokens: int = Field(2048, ge=1)
    """Tokens of the prose on which D_ret is measured."""
    durable: tuple[str, ...] = ("plan", "fixed KL")
    """Arms whose durability is measured."""


PROTOCOLS = {
    "quick": BenchConfig(),
    "full": BenchConfig(
        texts=20,
        sweep_texts=2,
        seeds=3,
        ablation_seeds=3,
        words=None,
        presentations=50,
        checks=(4, 8, 12, 20, 30, 40),
        sample_tokens=128,
        retention_tokens=4096,
    ),
}


class BenchSpec(Spec):
    """Texts to compare on, and prose on which drift and durability are measured."""

    cases: tuple[Case, ...]
    prose: str
    decoy_prose: str
    only: tuple[str, ...] = ()  # arms and ablations to do now; none: all
    config: BenchConfig = BenchConfig()

    def models(self) -> dict[str, str]:
        return {"model": self.config.model}

    def pinned(self) -> Self:
        from litho.model.placement import training_dtype
        from litho.model.sources import locate

        dtype = self.config.dtype or self.device.dtype or training_dtype(self.device.name)
        if dtype == "float16":
            raise LithoError("nothing is trained in float16: choose --dtype bfloat16 or float32")
        model = locate(self.config.model).pinned
        config = self.config.model_copy(update={"model": model, "dtype": dtype})
        # The one model is trained and measured alike.
        device = self.device.model_copy(update={"dtype": dtype})
        return self.model_copy(update={"config": config, "device": device})


def protocol(name: str) -> BenchConfig:
    """Settings by the name of a protocol. Raises LithoError if there is none."""
    if name not in PROTOCOLS:
        raise LithoError(f"unknown protocol {name!r} (choose from {', '.join(PROTOCOLS)})")
    return PROTOCOLS[name]
