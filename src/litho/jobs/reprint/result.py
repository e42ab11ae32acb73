"""What a rewriting of printed pages gives; no torch."""

from litho.core.records import Record
from litho.core.stats import Estimate
from litho.jobs.rewrite.result import Judged

Tests = dict[str, Estimate]  # mem, gen, hard, chat: imprints; anchor: that which steers; drift


class Version(Record):
    """A version of the presentations, with what became of the model."""

    version: str  # folder
    number: int  # of the round
    asked: int
    failed: int  # answers that the judge found wrong
    right: float | None  # share of the answers to questions with a known answer, before the round
    added: int  # rewritten texts
    dropped: int  # rewritten texts of earlier rounds, since they are understood
    entries: int  # rewritten texts in it
    refused: dict[str, int]  # questions that are not asked, since the report does; by reason
    rewritten: float  # share of the tokens
    steps: int
    tokens: int  # supervised
    judge: Judged | None
    scale: float  # by which the adapter was shrunk to fit the budget; 1: it was not
    adapter: str
    adapter_sha256: str
    tests: Tests


class ArmResult(Record):
    """One way to go on with an imprint."""

    arm: str
    rounds: tuple[Version, ...]
    stopped: str | None  # why, if it was before the last round
    best: int  # the round with the highest `anchor`, or 0: the imprint itself
    adapter: str  # of that round
    tests: Tests
    gained: dict[str, float]  # by name of the test, best round less the imprint


class RoundResult(Record):
    """A round of the first arm."""

    version: str
    added: int
    dropped: int
    tests: Tests


class ReprintResult(Record):
    """What `litho rewrite --json` holds of printed pages."""

    run: str
    printed: str  # the imprint
    budget: float
    rounds: tuple[RoundResult, ...]
    arms: dict[str, ArmResult]
    before: Tests  # of the imprint
    seconds: float
    notices: tuple[str, ...] = ()
