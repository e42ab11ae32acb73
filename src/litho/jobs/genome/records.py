"""What the structure document of a genome says."""

from typing import Literal

from litho.core.records import Record
from litho.core.stats import Estimate


class SectionOutline(Record):
    """A section of a book."""

    name: str
    title: str
    characters: int  # of one reading, about
    times: float  # read in all stages but the tail


class BookOutline(Record):
    """A book of the library."""

    name: str
    source: str
    characters: int
    times: float  # read as a whole, in all stages but the tail
    sections: tuple[SectionOutline, ...]


class Reading(Record):
    """A book in a stage."""

    book: str
    sections: tuple[str, ...]  # those that are read, in their order; empty: the whole book
    times: float  # how often each of them is read, on average


class PracticeOutline(Record):
    """What a stage practises."""

    hops: int
    within_book: bool
    form: str
    questions: int  # in one pass
    sample: str


class StageOutline(Record):
    """A stage; `sample` is the first page that is read in it."""

    id: str
    layer: str
    share: float
    tokens: int
    passes: float
    readings: tuple[Reading, ...]
    practice: PracticeOutline | None
    mismatches: tuple[str, ...]  # ids of scenes that come before or after everything else
    mismatches_first: bool
    scenes: tuple[str, ...]  # ids of scenes that are strewn in
    sample: str


class GapOutline(Record):
    """A gap; `sample` is a question that stays open, with what answers it."""

    id: str
    between: tuple[str, str]
    level: str
    bridge: str
    hidden: int  # facts that are read, and neither practised nor played
    sample: str


class ReferenceOutline(Record):
    """A section that refers to another one; `sample` is a sentence that does."""

    id: str
    from_: str
    to: str
    rate: float
    sample: str


class SceneOutline(Record):
    """A scene, as it is played the first time."""

    id: str
    kind: str
    book: str
    rate: float
    roles: tuple[str, ...]
    stages: tuple[str, ...]
    sample: str


class TestOutline(Record):
    """Questions of a kind for an exam."""

    kind: str
    count: int
    question: str
    answer: str


class SectionCost(Record):
    """What a section costs a model to read; bits per byte."""

    book: str
    section: str
    windows: int  # that were read
    bits: float  # of the model, over these
    reference: float  # of the floor or the compressor, over the whole section
    excess: float  # of the model over that


class BookCost(Record):
    """What a book costs a model to read; bits per byte, over the windows of all its sections."""

    book: str
    bits: Estimate
    against: Literal["floor", "compressor"]  # books of a world have a floor
    reference: float
    excess: float


class CompressionMap(Record):
    """What each section of a library costs a model to read."""

    model: str
    compressor: str
    window: int  # tokens that are read at once
    windows: int  # that were read
    share: float  # of the library's bytes that were read
    bits: Estimate  # over all windows
    books: tuple[BookCost, ...]
    sections: tuple[SectionCost, ...]


class Outline(Record):
    """All that the document says."""

    id: str
    seed: int
    tokens: int
    megabytes: float
    tokenizer: str
    vocabulary: int
    tail: float  # share of the last stage
    books: tuple[BookOutline, ...]
    stages: tuple[StageOutline, ...]
    gaps: tuple[GapOutline, ...]
    references: tuple[ReferenceOutline, ...]
    scenes: tuple[SceneOutline, ...]
    tests: tuple[TestOutline, ...]
    needs: int  # pairs of sections of which one should be read before the other
    violations: tuple[tuple[str, str], ...]
    notices: tuple[str, ...]
    compression: CompressionMap | None = None
