"""What `litho roles` gives; no torch."""

from litho.core.records import Record
from litho.core.stats import Estimate


class Trained(Record):
    """An adapter."""

    adapter: str  # folder
    rank: int
    weights: int
    documents: int  # in which somebody of it speaks
    tokens: int  # that it learned from, over all passes
    read: int  # tokens of the rows in which these stood
    loss: float  # nats per token, of the last tenth of the steps
    before: float  # of the first step


class Handover(Record):
    """How often the last word is right under a policy, and how much that is above the student's."""

    value: float | None
    ci: tuple[float, float] | None
    gain: Estimate  # less the student alone, question by question
    handed: Estimate  # share of questions that were handed over

    @property
    def right(self) -> Estimate:
        """The share of right answers, as all others are shown."""
        return Estimate(value=self.value, ci=self.ci, n=self.gain.n)


class Single(Record):
    """One adapter that speaks all roles, with the weights and tokens of all others together."""

    trained: Trained
    matrix: dict[str, Estimate]
    transitions: dict[str, Handover]


class RolesResult(Record):
    """What `litho roles --json` holds."""

    run: str
    school: str
    roles: dict[str, Trained]
    # Who asks, answers, objects and puts it right; runs of earlier versions do not say.
    cast: tuple[str, ...] | None = None
    matrix: dict[str, dict[str, Estimate]]  # `base`: the school's model without any adapter
    chance: dict[str, float | None]
    asked: dict[str, int]  # questions over two facts, by kind
    transitions: dict[str, Handover]
    single: Single
    difference: dict[str, Estimate]  # right answers with roles less those of the single one
    said: str
    seconds: float
    notices: tuple[str, ...]
