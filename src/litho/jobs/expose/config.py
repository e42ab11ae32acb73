"""How a text is presented; no torch."""

from pydantic import Field, field_validator

from litho.core.config import Config
from litho.jobs.spec import ModelSpec

LEAST_TOKENS = 8


class ExposeConfig(Config):
    """How a text is presented."""

    presentations: tuple[int, ...] = (1, 2, 5, 10, 30)
    tokens: int = Field(128, ge=LEAST_TOKENS)  # of the text and of the unrelated one
    seeds: int = Field(2, ge=1)  # of every training and of every random direction
    rank: int = Field(8, ge=1)
    learning_rate: float = Field(5e-4, gt=0)
    third_steps: int = Field(10, ge=1)  # of training on each third of the depth
    layer: int | None = None  # where a direction is injected; none: at 0.6 of the depth
    strengths: tuple[float, ...] = (0.25, 0.5, 1.0, 2.0)  # in mean norms of the hidden state there
    directions: int = Field(6, ge=2)  # random ones
    seed: int = 0

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
