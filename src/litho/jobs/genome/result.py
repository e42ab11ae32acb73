"""What commands on genomes give: the build, and what it says of itself."""

from litho.core.records import Record, absent
from litho.jobs.genome.records import CompressionMap


class Leak(Record):
    """A sentence that says what a gap hides."""

    stage: str
    document: int
    sentence: str


class Audit(Record):
    """What the compiler proves about a build."""

    leaks: int
    leaked: tuple[Leak, ...]  # the first few
    precedence: float | None  # share of needs that the order of reading keeps; none: no needs
    practice: float  # share of tokens
    scenes: float  # share of tokens
    exposures: dict[str, int]  # how often each fact is said or asked
    multiset: str  # hash of all documents whatever their order


class StageResult(Record):
    """A stage of a build."""

    id: str
    tokens: int
    documents: int
    sha256: str  # of its tokens and their order
    prefix_hash: str  # of the tokenizer and all stages so far
    reused: bool = False  # taken over from an earlier build, or an unfinished one


class CompileResult(Record):
    """What `litho genome compile --json` holds, and `build.json`."""

    build: str
    sha256: str
    vocabulary: int
    stages: tuple[StageResult, ...]
    tests: dict[str, int]  # questions of each kind
    audit: Audit


class Found(Record):
    """A span of a build, and where it came from."""

    stage: str
    token: int  # of the stage, at which the span begins
    document: int
    book: str
    section: str
    scene: str
    role: str
    kind: str
    facts: tuple[str, ...]
    source: tuple[int, int] | None  # characters of a book from a file
    text: str

    @property
    def named(self) -> str:
        """Book and section, or what it is instead of a page."""
        place = f"{self.book}#{self.section}" if self.section else self.book
        if self.kind == "reading":
            return place
        return " ".join(filter(None, (self.kind, self.scene, place)))


class Where(Record):
    """What `litho genome where --json` holds."""

    count: int
    sections: dict[str, int]  # how often in each, where a text was looked for
    places: tuple[Found, ...]  # the first few


class StageCost(Record):
    """What a stage reads."""

    id: str
    layer: str
    tokens: int
    passes: float  # how often its list of books is read


class CheckResult(Record):
    """What `litho genome check --json` holds."""

    id: str
    tokens: int
    vocabulary: int
    megabytes: float  # of the build's tokens
    disk: float  # megabytes of the whole build, about
    stages: tuple[StageCost, ...]
    repeats: dict[str, float]  # how often each book is read in all stages but the tail
    violations: tuple[tuple[str, str], ...]  # the first section should be read before the second
    notices: tuple[str, ...]
    compression: CompressionMap | None = absent()
