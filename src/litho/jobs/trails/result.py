"""What printing and testing trails, and a graph, found; no torch."""

from typing import Literal

from litho.core.records import Record, absent
from litho.core.stats import Estimate
from litho.measure.trails.cells import Cell as Cell  # for those who show results, as below
from litho.measure.trails.cells import CellMetrics
from litho.measure.trails.depth import DepthCurves
from litho.measure.trails.records import Graph as Graph
from litho.measure.trails.records import GraphEdge as GraphEdge
from litho.measure.trails.records import GraphShift as GraphShift
from litho.measure.trails.records import Kept as Kept
from litho.measure.trails.verdict import LOST as LOST
from litho.measure.trails.verdict import SELECTIVE as SELECTIVE
from litho.measure.trails.verdict import TrailVerdict

ADAPTER, CONTROL, TEACHER = "trails", "shuffled", "teacher"  # arms


class FewShot(Record):
    """What two worked examples in the context add to D, nats: the model's own way of following."""

    before: Estimate
    after: Estimate


class TrailDrift(Record):
    """How far the model moved on unrelated prose, nats per token; none: there is no adapter."""

    retention: Estimate | None


class Neighbour(Record):
    """A trail as a neighbour of the others: how kappa changed on it."""

    form: str
    change: Estimate
    broken: bool


class FormResult(Record):
    """One trail."""

    form: str
    held_out: bool
    verdict: TrailVerdict
    reasons: tuple[str, ...]
    kappa: dict[Cell, Estimate]
    kappa_before: dict[Cell, Estimate]
    d: dict[Cell, Estimate]
    selectivity: Estimate | None
    wrong_capture: Estimate | None


class ExternalScores(Record):
    """Share of right answers in a file of questions, with the premises and without."""

    name: str
    premises: dict[str, Estimate]  # before, after
    alone: dict[str, Estimate]


class DepthResult(Record):
    """How deep in the model a chain in a held-out wording is decided.

    A thought: the answer's place holds it before it can be read out, and not behind near-misses.
    """

    curves: dict[str, dict[Cell, DepthCurves]]  # before and after, W and N
    routing_layer: int | None  # the first that looks at the rule that applies
    causal_layer: int | None  # the first at which the answer's place decides
    verbal_layer: int | None  # the first at which the answer can be read out
    thought: bool
    reasons: tuple[str, ...]  # why it is none


class TrailMap(Record):
    """How alike the forms flow through the heads: cosines, from -1 to 1.

    On the diagonal that of two halves of the chains of one form: no two forms can be more alike
    than that but by chance.
    """

    forms: tuple[str, ...]
    likeness: tuple[tuple[float, ...], ...]


class CaptureNumbers(Record):
    """What the capture test measured."""

    verdict: TrailVerdict
    reasons: tuple[str, ...]
    cells: dict[Cell, CellMetrics]
    selectivity: Estimate | None
    wrong_capture: Estimate | None
    few_shot_gain: FewShot | None
    drift: TrailDrift
    neighbours: tuple[Neighbour, ...]
    forms: tuple[FormResult, ...]
    external: tuple[ExternalScores, ...] = ()
    depth: DepthResult | None = absent()
    map: TrailMap | None = absent()


class CaptureResult(CaptureNumbers):
    """What `metrics.json` and `--json` of `litho trails test` hold."""

    run: str
    adapter: str | None
    budget: float
    notices: tuple[str, ...] = ()


class PrintResult(CaptureNumbers):
    """What `metrics.json` and `--json` of `litho trails print` hold."""

    run: str
    adapter: str
    budget: float
    channels: str
    objective: str
    rank: int
    weights: int  # of the adapter
    scale: float  # by which the adapter was shrunk at the end to fit the budget; 1: it was not
    presentations: int
    seed: int
    adapter_sha256: str
    seconds: float
    # Steps until attention, D on new words (F) and D in a new wording (W) had half of their last
    # value; none where that is not above 0.
    halfway: dict[str, int | None]
    control: CaptureNumbers | None = absent()  # the same on shuffled answers
    teacher: CaptureNumbers | None = absent()  # of the objective of that name
    notices: tuple[str, ...] = ()


class GraphReading(Graph):
    """The graph of one of the contexts, before or after training."""

    text: Literal["context", "near-miss"]
    state: Literal["before", "after"]


class GraphResult(Record):
    """What `metrics.json` and `--json` of `litho trails graph` hold."""

    run: str
    context: str
    near_miss: str | None
    answers: tuple[str, str]
    adapter: str | None
    graphs: tuple[GraphReading, ...]
    notices: tuple[str, ...] = ()
