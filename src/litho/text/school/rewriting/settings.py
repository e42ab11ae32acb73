"""The keys of a genome that say what becomes of answers, failures and hard transitions."""

from typing import Literal, Self

from pydantic import Field, model_validator

from litho.core.config import Config

Arm = Literal[
    "accumulate",
    "replace",
    "agreement",
    "oracle",
    "more_books",
    "re_read",
    "journal",
    "random_spans",
]
OnFailure = Literal["nothing", "reread", "switch_book"]
By = Literal["loss_jump", "forgetting", "contradiction"]


class Journal(Config):
    """Which spans were hard, and whether they are read again."""

    top: int = Field(default=20, ge=1, le=10_000)
    """How many spans are told of each kind."""
    by: By = "loss_jump"
    """By what the hardest are chosen: `loss_jump`, the largest rise of the loss from one stage's
    end to the next; `forgetting`, the loss at the end less the lowest since it was read;
    `contradiction`, how much likelier the sentence is with what a later survey says."""
    sample: int = Field(default=100, ge=1, le=1_000_000)
    """Documents of each stage that are read, drawn at random."""
    reinject: float = Field(default=0.02, gt=0, le=0.5)
    """Share of a round of `litho rewrite` in which the hardest are read again (arm `journal`; arm
    `random_spans`: as many at random)."""


class Rewrite(Config):
    """How a data set is rewritten, round after round."""

    rounds: int = Field(default=3, ge=1, le=100)
    """Rounds of answer, judge, rewrite, training and exam."""
    arms: tuple[Arm, ...] = Field(default=("accumulate",), min_length=1)
    """What is compared, each from the same school, at equal tokens. The first one is the result."""
    share: float = Field(default=0.05, gt=0, le=1)
    """Tokens of a round, as a share of those of the school."""
    questions: int = Field(default=200, ge=1, le=100_000)
    """Practice questions that are asked in a round; those that failed before come first."""
    judge: str = "exact"
    """Who says whether an answer is right: `exact`, the world; `agreement`, the model's own
    samples; or a function of yours as `MODULE:FUNCTION`, called with question and answer. The arm
    `agreement` has its own."""
    samples: int = Field(default=4, ge=2, le=64)
    """Answers that are drawn for `agreement`."""
    agree: int = Field(default=3, ge=2, le=64)
    """How many of them have to name the same thing."""
    temperature: float = Field(default=0.7, gt=0, le=5)
    """With which they are drawn."""
    cap: float = Field(default=0.2, gt=0, le=1)
    """Largest share of rewritten text in a round; the arm `replace` has none."""
    real_floor: float = Field(default=0.5, ge=0, lt=1)
    """Smallest share of pages of books in a round; the arm `replace` has none."""
    repeat: int = Field(default=4, ge=1, le=1000)
    """How often a rewritten text stands in one round at most; the arm `replace` fills its
    tokens."""
    bridges: int = Field(default=20, ge=0, le=10_000)
    """Hard transitions of the school for which a paragraph is written."""

    on_failure: OnFailure = "nothing"
    """What becomes of a section of which the judge accepts fewer than half of the answers, of three
    or more: `reread`, its pages come twice as often; `switch_book`, they give way to sections that
    it is connected with and that were understood, which come twice as often; where there are none
    it is read again."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.agree > self.samples:
            raise ValueError(f"agree ({self.agree}) is more than samples ({self.samples})")
        if 2 * self.agree <= self.samples:
            raise ValueError("agree has to be more than half of samples, or two things may agree")
        if self.cap + self.real_floor > 1:
            raise ValueError("cap and real_floor together are more than the whole round: lower one")
        if len(set(self.arms)) < len(self.arms):
            raise ValueError("each of the arms once")
        return self
