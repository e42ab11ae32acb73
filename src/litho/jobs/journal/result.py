"""What a journal holds; no torch."""

from litho.core.records import Record
from litho.text.school.rewriting.settings import By as By  # for those who show it


class Span(Record):
    """A sentence or paragraph of a build, and what it cost the model after each stage."""

    stage: str  # that reads it
    document: int  # of the stage
    kind: str
    book: str
    section: str
    scene: str
    facts: tuple[str, ...]
    text: str
    losses: tuple[float, ...]  # nats per token, at the end of each stage
    against: float | None = None  # nats by which it is likelier with what the later survey says


class HardSpan(Record):
    """A span that is hard in one way."""

    span: Span
    value: float  # nats: a rise per token, or, of a contradiction, of the whole span
    border: tuple[str, str] | None  # the stages between whose ends the loss rose
    mended: str | None  # the first later stage at whose end at most half of the rise is left


class SectionRises(Record):
    """How the loss of a section changed from one stage's end to the next, mean over its spans."""

    book: str
    section: str
    spans: int
    rises: tuple[float, ...]  # nats per token, one a border


class JournalResult(Record):
    """What `litho journal --json` holds.

    `mended`: of the hardest by `loss_jump`, share of which at most half was left later.
    """

    run: str
    school: str
    by: By
    stages: tuple[str, ...]
    spans: int  # that were read
    hardest: dict[By, tuple[HardSpan, ...]]
    mended: float | None
    sections: tuple[SectionRises, ...]
    seconds: float
    notices: tuple[str, ...] = ()
