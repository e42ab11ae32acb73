"""What an evolution of documents found; no torch. All rises are in nats per target token."""

from litho.core.records import Record
from litho.core.stats import Estimate


class Rise(Record):
    """Of log-probability per target token, over probes: the mean, and that of the worst probe.

    The worst one is below 0 where a training did harm.
    """

    mean: float
    worst: float


class Arranged(Record):
    """A sequence of a search."""

    id: str
    search: str  # evolution, random
    generation: int
    parents: tuple[str, ...]
    operators: tuple[str, ...]
    seeds: int  # with which it was tried
    rise: Rise  # on the probes of the search, mean over the seeds
    predicted: float  # of the mean rise, from first-order effects; nothing of the order is in it
    tokens: int  # of all its readings
    sequence: tuple[str, ...]  # documents, one a step


class Tried(Record):
    """A sequence, or shuffled ones, on fresh seeds, beside what the search had said of it."""

    id: str
    role: str  # evolution, given, shuffled, random, amounts
    search: Estimate | None  # mean rise there, over its probes and seeds; none: it was in no search
    again: Estimate  # on the same probes with fresh seeds
    fresh: Estimate  # on the kept probes with fresh seeds: what it is worth
    worst: float  # of the kept probes, the one that rose least, mean over fresh seeds
    worst_probe: str
    tokens: int
    amounts: dict[str, int]  # readings of each document


class OperatorGain(Record):
    """Children that an operator made: how much more than with their first parent probes rise."""

    operator: str
    children: int
    rise: Estimate  # on the probes of the search, with the first seed


class FilterResult(Record):
    """How well predictions ranked what was then measured: Spearman's correlation.

    Both over sequences and on the probes of the search. Of those of the evolution, only the best by
    prediction were tried, which makes their correlation smaller; none were chosen by chance.
    """

    tried: Estimate  # all sequences
    by_chance: Estimate  # those of the random search
    seconds: float  # that the predictions took
    training_seconds: float  # that all trainings took


class ArrangeResult(Record):
    """What `metrics.json` and `--json` of `litho evolve` hold for documents."""

    run: str
    best: Tried
    sequence: tuple[str, ...]  # of the best: documents, one a step
    written: str  # file of it, a document a line
    baselines: dict[str, Tried]
    finalists: tuple[Tried, ...]
    difference: dict[str, Estimate]  # best less each baseline, same seeds and kept probes
    searched_probes: tuple[str, ...]
    kept_probes: tuple[str, ...]
    seeds: int  # fresh ones
    runs: int  # trainings
    filter: FilterResult
    family: tuple[Arranged, ...]
    said: str  # whether it is better than as given, in a sentence
    said_of_order: str  # whether its order does anything
    seconds: float
    notices: tuple[str, ...] = ()
    operators: tuple[OperatorGain, ...] = ()
