"""What a rewriting of printed pages starts from; no torch."""

from typing import Literal, Self

from pydantic import Field, model_validator

from litho.core.config import Config
from litho.jobs.imprint.config import ImprintSpec
from litho.jobs.spec import ModelSpec

Arm = Literal["rewrite", "more"]


class ReprintConfig(Config):
    """How printed pages are presented again, round after round."""

    rounds: int = Field(default=3, ge=1, le=100)
    """Rounds of answer, judge, rewrite, printing and measuring; fewer where one gains nothing."""
    arms: tuple[Arm, ...] = Field(default=("rewrite",), min_length=1)
    """What is compared, each from the same imprint, at equal tokens: `rewrite`, or `more`, as many
    more presentations of the same plan. The first one is the result."""
    presentations: int = Field(default=10, ge=1, le=10_000)
    """Presentations of each page in a round."""
    questions: int = Field(default=100, ge=1, le=100_000)
    """Questions that are asked in a round; those that failed before come first."""
    judge: str = "exact"
    """Who says whether an answer is right: `exact`, the word of the page that a question leaves
    out (only such questions are asked then); `book`, what the model answers with the page in its
    context; `agreement`, its own samples; or a function of yours as `MODULE:FUNCTION`, called with
    question and answer."""
    samples: int = Field(default=4, ge=2, le=64)
    """Answers that are drawn for `agreement`."""
    agree: int = Field(default=3, ge=2, le=64)
    """How many of them have to say the same."""
    temperature: float = Field(default=0.7, gt=0, le=5)
    """With which they are drawn."""
    repeat: int = Field(default=4, ge=1, le=1000)
    """How often a rewritten text is shown in one round at most."""
    sentences: int = Field(default=5, ge=0, le=1000)
    """Sentences, of those that were forgotten most, that are shown again."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.agree > self.samples:
            raise ValueError(f"agree ({self.agree}) is more than samples ({self.samples})")
        if 2 * self.agree <= self.samples:
            raise ValueError("agree has to be more than half of samples, or two things may agree")
        if len(set(self.arms)) < len(self.arms):
            raise ValueError("each of the arms once")
        return self


class ReprintSpec(ModelSpec):
    """A finished imprint, as it was started, and where its files are."""

    printed: str  # folder of the run
    adapter_sha256: str
    done: int  # steps of its training
    inputs: ImprintSpec
    config: ReprintConfig = ReprintConfig()
