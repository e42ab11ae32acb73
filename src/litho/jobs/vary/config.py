"""What variants of a text are made from, and how; no torch."""

from pydantic import Field

from litho.core.config import Config
from litho.jobs.spec import ModelSpec
from litho.text.variants import MAX_MEAN_KL, MAX_SURPRISE, STEP_SURPRISE


class VaryConfig(Config):
    """How versions of a text are made. Volatilities are in nats."""

    count: int = Field(50, ge=1)  # variants
    max_mean_kl: float = Field(MAX_MEAN_KL, ge=0)  # of a variant and of a step of the ladder
    max_surprise: float = Field(MAX_SURPRISE, gt=0)  # of a variant
    operators: tuple[str, ...] = ()  # that make the variants, in turns; none: all
    ladder: bool = True
    step_tokens: int = Field(2, ge=1)  # that a step of the ladder changes at most
    step_surprise: float = Field(STEP_SURPRISE, gt=0)  # that it may add
    seed: int = 0


class VarySpec(ModelSpec):
    """A text, with or without marks."""

    source: str
    text_name: str
    config: VaryConfig = VaryConfig()
