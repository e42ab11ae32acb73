"""What a rewriting gives; no torch."""

from litho.core.records import Record
from litho.measure.school.records import ExamResult
from litho.measure.school.records import KindScore as KindScore  # for those who show it


class Judged(Record):
    """How far a judge is to be trusted. Shares; none: there was nothing to take one of."""

    planted: int  # errors that were planted
    accepted_errors: float | None  # share of these that it took for right
    wrong_accepted: (
        float | None
    )  # of the answers that it accepted, share that the world says is wrong
    right_refused: float | None  # of the answers that are right, share that it did not accept


class Version(Record):
    """A version of the data set, with what became of the model."""

    version: str  # folder
    number: int  # of the round
    asked: int
    failed: int  # answers that the judge found wrong
    right: float | None  # share of the answers that are right, by the world; before the round
    added: int  # rewritten texts
    dropped: int  # rewritten texts of earlier rounds, since they are understood
    entries: int  # rewritten texts in it
    refused: dict[str, int]  # by the guard, with its reason
    not_understood: tuple[str, ...] = ()  # sections that `on_failure` was applied to
    leaks: int  # of all that is rewritten, found when it was read again
    rewritten: float  # share of the tokens
    pages: float  # share of the tokens that are pages of books
    tokens: int
    judge: Judged | None
    loss: float  # of the training, nats per token, at its end
    exam: ExamResult | None


class ArmResult(Record):
    """One way to make the next data set."""

    arm: str
    rounds: tuple[Version, ...]
    stopped: str | None  # why, if it was before the last round
    judge: Judged | None  # in the round that was stopped
    tests: dict[str, KindScore]  # of the last exam; empty: there was none
    gained: dict[
        str, float
    ]  # right answers by kind, last exam less the school's; `KIND spoken`: aloud
    model: str | None  # folder; none: nothing was trained


class RoundResult(Record):
    """A round of the first arm."""

    version: str
    added: int
    dropped: int
    tests: dict[str, KindScore]


class RewriteResult(Record):
    """What `litho rewrite --json` holds."""

    run: str
    school: str
    rounds: tuple[RoundResult, ...]
    arms: dict[str, ArmResult]
    before: dict[str, KindScore]  # the school's own exam
    seconds: float
    notices: tuple[str, ...] = ()
