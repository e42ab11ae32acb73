"""Versions of a text: variants, the ladder up to it, what was refused; and their defaults."""

from litho.core.records import Record

# What a question can reach without the text before it, see log/2026-11-22-sentences-on-their-own.md
EVERY_OTHER = "apart"
# The operators with which the results on whole texts were measured, in the order of their turns.
MEASURED = (
    "substitute",
    "highlight",
    EVERY_OTHER,
    "summary_tail",
    "sentence_order",
    "list_shape",
    "dropped_tail",
    "json_shape",
)
# Limits unless the user says otherwise, nats.
MAX_MEAN_KL, MAX_SURPRISE = 1.5, 20.0  # of a variant
STEP_SURPRISE = 10.0  # that a step of a ladder may add


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


class PresentationPlan(Record):
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
