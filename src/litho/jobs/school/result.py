"""What a school gives; no torch."""

from litho.core.records import Record
from litho.measure.school.records import ExamResult as ExamResult  # for those who show it

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
    exam: ExamResult | None  # none: the genome has no questions that the model could read
    seconds: float
    notices: tuple[str, ...]
