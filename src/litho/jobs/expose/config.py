"""How a text is presented; no torch."""

from pydantic import Field, field_validator

from litho.core.config import Config
from litho.jobs.spec import ModelSpec

LEAST_TOKENS = 8


class ExposeConfig(Config):
    """How a text is presented."""

    presentations: tuple[int, ...] = (1, 2, 5, 10, 30)
    """Doses of `context` and `training`: presentations in the context, or training steps."""
    tokens: int = Field(128, ge=LEAST_TOKENS)
    """Tokens used from the start of each of the two texts."""
    seeds: int = Field(2, ge=1)
    """Number of seeds of every training."""
    rank: int = Field(8, ge=1)
    """Rank of the LoRA adapter; its alpha is twice as large."""
    learning_rate: float = Field(5e-4, gt=0)
    """Learning rate of every training."""
    third_steps: int = Field(10, ge=1)
    """Training steps on each third of the depth (`thirds`)."""
    layer: int | None = None
    """Block at whose output a direction is added (`injection`); none: at 0.6 of the depth."""
    strengths: tuple[float, ...] = (0.25, 0.5, 1.0, 2.0)
    """Lengths of the added direction, in mean norms of the hidden state there."""
    directions: int = Field(6, ge=2)
    """Number of random directions, the control of `injection`."""
    seed: int = 0
    """Seed from which all others are drawn."""

    @field_validator("presentations", "strengths")
    @classmethod
    def _grows(cls, value: tuple[float, ...]) -> tuple[float, ...]:
        if not value or min(value) <= 0 or sorted(set(value)) != list(value):
            raise ValueError("there must be at least one, above 0 and in growing order")
        return value


class ExposeSpec(ModelSpec):
    """A text and another one, for comparison."""

    text: str
    text_name: str
    unrelated: str
    config: ExposeConfig = ExposeConfig()
