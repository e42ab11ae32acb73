"""Plain records that pass between the layers and into the files of a run."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

ProbeKind = Literal["mem", "gen", "hard", "neighbour"]
IMPRINT_KINDS: tuple[ProbeKind, ...] = ("mem", "gen", "hard")


class Record(BaseModel):
    """Immutable; an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Estimate(Record):
    """A measured number with its 95 % bootstrap interval over `n` units; `None`: not measurable."""

    value: float | None
    ci: tuple[float, float] | None
    n: int


class Probe(Record):
    """A cloze question, scored as `prefix`, one space, `target`."""

    kind: ProbeKind
    prefix: str
    target: str


class Alternative(Record):
    """A word that the model finds likely where a text has another one.

    Characters `start` to `end` (exclusive) of the text may be replaced by `word`, whose
    log-probability at that place is `logprob` nats.
    """

    start: int
    end: int
    word: str
    logprob: float


class Edit(Record):
    """Tokens `start` to `end` (exclusive) of the parent were replaced by `new`."""

    start: int
    end: int
    new: str


class Volatility(Record):
    """How far a variant moves the model, in nats; see `litho.measure.volatility`."""

    mean_kl: float
    max_surprise: float


class Variant(Record):
    """A minimally different version of a text; each row is presented as a sequence of its own."""

    rows: tuple[str, ...]
    operator: str
    diff: tuple[Edit, ...] = ()
    volatility: Volatility | None = None

    @property
    def text(self) -> str:
        return "\n\n".join(self.rows)


class Refusal(Record):
    """A variant that was not presented, and why."""

    variant: Variant
    reason: str


class Plan(Record):
    """The presentations of a text in their order, and what was refused on the way."""

    scenes: tuple[str, ...]  # the text itself, cut to fit the model's context
    variants: tuple[Variant, ...]
    refused: tuple[Refusal, ...]


class Rung(Record):
    """A version of a text on the way from the model's own to the text itself."""

    text: str
    changed_tokens: int  # against the rung before
    brought: tuple[str, ...]  # the words of the text that they belong to
    mean_kl: float  # volatility against the rung before, nats
    max_surprise: float


class Cliff(Record):
    """A token of the text that no step within the budget brings in."""

    token: int  # its place in the text
    text: str  # the word that it belongs to
    mean_kl: float  # of the smallest step that brings it in, nats
    max_surprise: float
    bridge: str | None  # the kind of bridge that was put in; None: none was small enough


class Ladder(Record):
    """Rungs from the model's own version of a text up to the text."""

    rungs: tuple[Rung, ...]
    cliffs: tuple[Cliff, ...]


class Depth(Record):
    """The layers into which a text is to be printed, and why."""

    layers: tuple[int, ...]  # blocks, from 0
    pull: tuple[float, ...]  # share of every block in what the text alone pulls at
    reason: str
