"""What a school gives; no torch."""

from typing import Any

from litho.core.records import Record, absent
from litho.core.stats import Estimate
from litho.learn.schooling.records import Event
from litho.learn.schooling.records import Probe as Probe  # for those who show it
from litho.measure.school.records import ExamResult as ExamResult  # for those who show it
from litho.text.school.training import Pacing

LIVE = "live.json"  # while it is trained: a `Live`
LIVE_PAGE = ".live.html"  # ends its name: beside the run, whose folder is renamed at the end
PRACTICE, SCENES = "practice", "scenes"  # what is read besides books


class StageLoss(Record):
    """A stage of a training."""

    id: str
    tokens: int
    steps: int
    reused: bool  # trained before this school began, by another one
    loss: float  # nats per token, all along the stage
    subjects: dict[str, float]  # the same of each book, of practice and of scenes
    end: float  # the same in the last record of the stage
    checkpoint: str  # name of the file


class GateResult(Record):
    """What the gate of a stage found at its end."""

    stage: str
    test: str  # a kind of question
    min: float
    accuracy: Estimate

    @property
    def open(self) -> bool:
        return self.accuracy.value is not None and self.accuracy.value >= self.min


class StageAdapter(Record):
    """The adapter of a model that went on, as it was at the end of a stage."""

    stage: str
    adapter: str  # folder, as plain PEFT loads it
    drift: float  # on passages of other kinds of writing, KL in nats per token


class LiveStage(Record):
    """A stage while a school is trained."""

    id: str
    tokens: int  # that it is meant to read
    read: int
    loss: float | None  # nats per token, in the last record
    ended: bool


class Live(Record):
    """How far a school is."""

    id: str
    stages: tuple[LiveStage, ...]
    tokens: int  # of all stages, read so far
    seconds: float  # worked so far
    left: float | None  # seconds of training that are left; none: not known yet
    losses: tuple[dict[str, Any], ...]  # rows of losses.parquet
    pacing: Pacing | None
    events: tuple[Event, ...]
    probes: tuple[Probe, ...]
    gates: tuple[GateResult, ...]  # that were asked


class SchoolResult(Record):
    """What `litho school --json` holds."""

    run: str
    model: str  # folder
    build: str  # folder
    model_sha256: str
    weights: int
    vocabulary: int
    tokens: int
    stages: tuple[StageLoss, ...]
    events: tuple[Event, ...] | None = absent()  # what happened to the curriculum, with pacing
    probes: tuple[Probe, ...] | None = absent()
    gates: tuple[GateResult, ...] | None = absent()  # those of all stages that have one
    adapters: tuple[StageAdapter, ...] | None = absent()  # of a model that went on by one
    exam: ExamResult | None  # none: the genome has no questions that the model could read
    seconds: float
    notices: tuple[str, ...]


def probed(probe: Probe, stage: str) -> float | None:
    """Bits per byte of a stage, over its books; None where it has none that were probed."""
    books = probe.bpb.get(stage)
    return sum(books.values()) / len(books) if books else None
