"""What variants of a text are made from, and how; no torch."""

from pydantic import Field

from litho.core.config import Config
from litho.jobs.spec import ModelSpec
from litho.text.variants import MAX_MEAN_KL, MAX_SURPRISE, STEP_SURPRISE


class VaryConfig(Config):
    """How versions of a text are made. Volatilities are in nats."""

    count: int = Field(50, ge=1)
    """Number of variants (`-n`)."""
    max_mean_kl: float = Field(MAX_MEAN_KL, ge=0)
    """Mean KL, in nats per token, up to which a variant or a step of the ladder is accepted
    (`--volatility`)."""
    max_surprise: float = Field(MAX_SURPRISE, gt=0)
    """Surprise, in nats, that a variant may add at any single token."""
    operators: tuple[str, ...] = ()
    """Operators that take turns, such as `[substitute, apart]`; empty: all."""
    ladder: bool = True
    """Whether to plan a ladder as well (`--ladder`, `--no-ladder`)."""
    step_tokens: int = Field(2, ge=1)
    """Maximum number of tokens that one step of the ladder changes (`--step`)."""
    step_surprise: float = Field(STEP_SURPRISE, gt=0)
    """Surprise, in nats, that a step of the ladder may add at any single token."""
    seed: int = 0
    """Seed of the operators (`--seed`). Restatements and versions made by marks do not depend on
    it."""


class VarySpec(ModelSpec):
    """A text, with or without marks."""

    source: str
    text_name: str
    config: VaryConfig = VaryConfig()
