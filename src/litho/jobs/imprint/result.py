"""What an imprint found; no torch."""

from pydantic import BaseModel

from litho.core.stats import Estimate
from litho.measure.printing.curve import SameImprint as SameImprint
from litho.measure.printing.imprint import MIN_GAIN as MIN_GAIN  # for those who show results
from litho.measure.printing.records import MovedToken
from litho.measure.printing.verdict import Verdict

IMPRINT, DUPLICATES = "imprint", "duplicates"  # arms


class Passage(BaseModel):
    """A block of the retention text and how far the model moved on it, nats per token."""

    passage: str  # its beginning
    value: float


class Drift(BaseModel):
    """Drift by kind of text, nats per token.

    Runs of earlier versions know `retention` alone; controls have neither `near` nor `chat` nor
    `by_kind`.
    """

    retention: Estimate
    far: Estimate | None = None  # the same: what the budget is a promise about
    near: Estimate | None = None  # what the base itself writes of the same kind of things
    chat: Estimate | None = None  # its answers to everyday questions; None: no chat template
    own: Estimate | None = None  # stretches of the user's own texts that are kept out of training
    by_kind: dict[str, Estimate] = {}  # shipped kinds of writing that are kept out of training
    worst: Passage | None = None
    moved: tuple[MovedToken, ...] | None = None  # the farthest
    moved_count: int | None = None  # tokens of the retention text that moved by more than a nat


class Chat(BaseModel):
    """Questions in the model's chat format."""

    accuracy: dict[str, Estimate]  # share of right answers: before, openbook, after
    imprint: Estimate


class Answered(BaseModel):
    """A probe and what the model says to it, each token the likeliest."""

    probe: str
    target: str
    before: str
    after: str
    openbook: str | None  # to questions in the chat format alone
    right: bool  # whether the answer after training holds the target


class ArmMetrics(BaseModel):
    """The numbers of one arm."""

    imprint: dict[str, Estimate]
    drift: Drift
    spill: Estimate
    spill_first: Estimate | None = None  # of the first tokens alone
    locality: Estimate
    chat: Chat | None = None  # None: no probe was of kind chat


class PageResult(BaseModel):
    """What one of several pages got."""

    name: str
    imprint: dict[str, Estimate]
    chat: Chat | None = None


class EarlierResult(BaseModel):
    """A page that was there already: its imprint before the adapter was changed, and after."""

    page: str
    imprint_before: dict[str, Estimate]
    imprint_after: dict[str, Estimate]


class ControlMetrics(ArmMetrics):
    """The numbers of a control."""

    drift_at_same_imprint: SameImprint | None = None  # None: not measurable, or an earlier version


class ImprintResult(ArmMetrics):
    """What `metrics.json` and `--json` hold: the numbers of the imprint and of its controls."""

    verdict: Verdict
    reasons: tuple[str, ...]
    run: str
    adapter: str
    controls: dict[str, ControlMetrics]
    budget: float
    scale: float  # by which the adapter was shrunk at the end to fit the budget; 1: it was not
    presentations: int
    tokens: int  # supervised, all presentations together
    scenes: int  # into how many the text was cut to fit the model's context
    seed: int
    adapter_sha256: str
    seconds: float
    answers: tuple[Answered, ...] = ()
    pages: tuple[PageResult, ...] = ()  # where there are several; the numbers above are over all
    earlier: tuple[EarlierResult, ...] = ()  # with `--onto`; the numbers above leave them out


class UnprintResult(BaseModel):
    """What `litho unprint` left: of the page that was taken out, and of the others."""

    run: str
    adapter: str
    adapter_sha256: str
    page: EarlierResult  # that was taken out
    others: tuple[EarlierResult, ...]
    drift_before: Drift
    drift: Drift
    seconds: float
