"""What an exam says; no torch."""

from typing import Literal

from litho.core.records import Record, absent
from litho.core.stats import Estimate

Verdict = Literal["connects", "understands", "remembers", "fluent", "nothing", "not judged"]


class Answer(Record):
    """What a model says to a question."""

    logps: tuple[float, ...]  # log P of each candidate, nats; of `order`, less that without context
    written: str | None = None  # what it writes behind a question over a bridge
    spoken: tuple[float, ...] | None = None  # log P of each candidate behind that, nats


class Score(Record):
    """Right answers over the closed sets, and what they cost to guess.

    bits = mean of -log2 P(answer), P over the candidates alone.
    """

    accuracy: Estimate
    bits: float | None
    bits_ci: tuple[float, float] | None


class Chain(Record):
    """Of texts written behind questions over two facts: shares that are right up to each link."""

    subject: Estimate  # the first sentence names what the question is about,
    between: Estimate  # and what the first fact leads to,
    answer: Estimate  # and the second sentence leads from there to the answer


class Spoken(Score):
    """Over a bridge, behind what the model itself wrote."""

    written: Estimate  # share of texts that name the answer last of all candidates
    chain: Chain | None = absent()  # none: an exam of an earlier version


class KindScore(Score):
    """Questions of one kind: answered at once (silently), and after having written on."""

    n: int
    chance: float | None  # 1 / candidates, mean
    chance_bits: float | None  # log2 of the candidates, mean
    spoken: Spoken | None = absent()


class BookScore(Record):
    """Questions about one book."""

    book: str
    kinds: dict[str, Estimate]


class PairScore(Record):
    """Questions that lead from one section to another."""

    first: str  # BOOK#SECTION
    second: str
    kind: str
    silent: Estimate
    spoken: Estimate | None
    chance: float


class Twins(Record):
    """Controls: shares of the questions that have another answer in the counterfactual twin.

    `fluent`: right answers of the model given as the twin; none: none was given. `counterfactual`:
    the twin's answers from the model itself. `turned`: the same from a model raised on that twin.
    """

    fluent: float | None
    counterfactual: float | None
    turned: float | None = absent()


class TwinScores(Record):
    """The same with intervals, by kind."""

    fluent: dict[str, Estimate]
    counterfactual: dict[str, Estimate]
    chance: dict[str, float]
    turned: dict[str, Estimate] | None = absent()
    unturned: dict[str, Estimate] | None = absent()  # right answers of the model raised there


class Judgement(Record):
    """A verdict, why it is no higher one, and what is not shown by one model."""

    verdict: Verdict
    reasons: tuple[str, ...]
    missing: tuple[str, ...]


class ExamResult(Record):
    """What an exam found.

    `shortcuts`: by shortcut and kind, how many of the same questions it gets right.
    """

    tests: dict[str, KindScore]
    shortcuts: dict[str, dict[str, Estimate]]
    twins: Twins
    twin_scores: TwinScores
    verdict: Verdict
    reasons: tuple[str, ...]
    missing: tuple[str, ...]
    books: tuple[BookScore, ...]
    pairs: tuple[PairScore, ...]
