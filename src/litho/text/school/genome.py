"""The genome of a school: which books in which order, what is practised, what is hidden."""

import re
from pathlib import Path
from typing import Annotated, Literal, NamedTuple, Self

from pydantic import AfterValidator, Field, model_validator

from litho.core.config import Config
from litho.core.encoding import read_utf8
from litho.core.lined import parse_lined
from litho.text.school.rewriting.settings import Journal, Rewrite
from litho.text.school.training import Loss, Model, Pacing, Roles, Speaker, Train

LAYERS = ("lexicon", "school", "university", "science", "dialogue")
Layer = Literal["lexicon", "school", "university", "science", "dialogue"]
TAIL = "tail"  # the id of the last stage
_READ = re.compile(r"([\w.-]+)(?:#([\w.-]+))?(?:\s+x([1-9]\d{0,3}))?")

Rate = Annotated[float, Field(gt=0, le=0.5)]
Name = Annotated[str, Field(pattern=r"^[\w.-]+$", max_length=60)]


class Read(NamedTuple):
    """A book, or a section of it, that a stage reads, and how often in one pass."""

    book: str
    section: str | None
    times: int


def read_of(written: str) -> Read:
    """A reading such as `plants`, `plants#soils` or `plants#soils x3`. Raises ValueError."""
    found = _READ.fullmatch(written.strip())
    if not found:
        raise ValueError(f"{written!r} is no book: write BOOK, BOOK#SECTION or BOOK#SECTION x3")
    return Read(found[1], found[2], int(found[3] or 1))


def _reading(written: str) -> str:
    read_of(written)
    return written


def _section(written: str) -> str:
    section = read_of(written)
    if section.section is None or section.times > 1:
        raise ValueError(f"{written!r} is no section: write BOOK#SECTION")
    return written.strip()


Reading = Annotated[str, AfterValidator(_reading)]
SectionName = Annotated[str, AfterValidator(_section)]


class Tokenizer(Config):
    """How text becomes tokens."""

    kind: Literal["bpe", "bytes", "model"] = "bpe"
    """`bpe`: trained on the library, over bytes, so that it can write any text; `bytes`: each byte
    is a token; `model`: that of a model."""
    vocab: int = Field(default=1024, ge=258, le=65536)
    """Size of the vocabulary of `bpe`."""
    model: str | None = None
    """The model whose tokenizer `model` takes: bundled, a folder (a build is one, too) or a hub
    id."""


class Budget(Config):
    """How much is read."""

    tokens: int = Field(ge=1000, le=10**13)
    """Tokens of all stages together."""
    tail: float = Field(default=0.1, ge=0, le=0.9)
    """Share of a last stage, in which everything is mixed evenly."""


class Book(Config):
    """A book of the library."""

    source: str
    """`world:SEED/SCIENCE`, `world:SEED:SIZE:TWIN/SCIENCE`, `plugin:NAME/BOOK` of another package,
    or `file:PATH` from the folder of the genome: plain text, Markdown, HTML or EPUB."""
    sections: Literal["auto"] | tuple[Name, ...] = "auto"
    """Which sections belong to it; `auto`: all that are found."""
    pattern: str | None = None
    """Of a file: lines in which this regular expression is found are the headings of sections."""
    sha256: str | None = Field(default=None, pattern="^[0-9a-f]{64}$")
    """Of a file or a plug-in: refuse it if it has another content."""


class Practice(Config):
    """Questions over one or two facts, with their answers."""

    hops: Literal[1, 2] = 2
    """Facts that an answer needs."""
    hidden_facts: bool = False
    """With one hop: whether it asks about the facts that gaps hide, too. These then stand in
    questions of their own, and still in none over two facts."""
    within_book: bool = False
    """Whether both facts stand in one book, or each in another."""
    per_fact: float = Field(default=0.5, gt=0, le=100)
    """Questions in one pass, for each fact in the sections of the stage; where there are fewer,
    they come again in other words."""
    form: Literal["direct", "terse", "restated"] = "restated"
    """What stands before the answer: nothing, the thing between the facts, or the facts in the
    words of the books."""

    @model_validator(mode="after")
    def _of_one_fact(self) -> Self:
        if self.hidden_facts and self.hops != 1:
            raise ValueError("hidden_facts needs hops: 1, for no question over two facts has them")
        return self


class Mismatch(Config):
    """Scenes in which an answer does not fit its question."""

    scenes: tuple[Name, ...] = Field(min_length=1)
    """Their ids."""
    before: bool = True
    """Whether they come before all else in the stage, or after it."""


class Gate(Config):
    """What a stage has to have taught by its end."""

    test: Literal[
        "memorised", "paraphrase", "two_hop_book", "two_hop_L1", "two_hop_L2", "two_hop_L3",
        "contradiction", "unknown", "fluency", "cloze_name", "cloze_number", "cloze_word", "order",
    ]  # fmt: skip
    """A kind of question of the exam; up to 64 questions about sections that are read by then."""
    min: float = Field(gt=0, le=1)
    """Share of right answers that is asked for: with less, the school stops."""


class Stage(Config):
    """A part of the education with a budget of its own."""

    id: Name
    """Its name; the randomness of its texts depends on it, not on its place."""
    layer: Layer
    """How the books of a world tell their facts: as a lexicon, with examples and questions, as a
    textbook, as reports, or in dialogues."""
    share: float = Field(gt=0, le=1)
    """Share of the tokens."""
    books: tuple[Reading, ...] = Field(min_length=1)
    """What is read in one pass, in this order: `BOOK`, `BOOK#SECTION`, `BOOK#SECTION x3`. Passes
    follow until the budget is used up."""
    practice: Practice | None = None
    """Questions that are practised in every pass."""
    mismatch: Mismatch | None = None
    """Scenes in which an answer does not fit, before or after everything else."""
    scenes: tuple[Name, ...] = ()
    """Ids of scenes that are strewn in, each at its rate."""
    gate: Gate | None = None
    """What it has to have taught by its end; none: nothing is asked."""

    @property
    def played(self) -> tuple[str, ...]:
        """Ids of all scenes in it."""
        return (*self.scenes, *(self.mismatch.scenes if self.mismatch else ()))


class Gap(Config):
    """Two sections between which the model has to build the bridge itself."""

    id: Name
    """Its name."""
    between: tuple[SectionName, SectionName]
    """The sections."""
    level: Literal["L2", "L3"] = "L3"
    """`L2`: no question over both is ever practised; `L3`: besides, the reserved facts of both are
    in no practice (but see `hidden_facts`) and no scene."""
    bridge: Literal["never", "others"] = "never"
    """At `L3`, whether other facts of the two sections may be bridged in practice."""


class CrossRef(Config):
    """A section that refers to another one."""

    id: Name
    """Its name."""
    from_: SectionName = Field(alias="from")
    """The section that refers."""
    to: SectionName
    """The section that is referred to; it should be read before."""
    kind: Literal["cite"] = "cite"
    """`cite`: a page names the other section; books of a world also say what it says of a thing on
    the page."""
    rate: Rate = 0.1
    """Share of the pages that do."""


class Trigger(Config):
    """What a conflict is about."""

    op: Literal["contradict"] = "contradict"
    """What sets it off: two surveys that contradict each other."""
    relation: str
    """A relation of the world, such as `colour`, that both surveys report on."""


class Resolution(Config):
    """How a conflict ends."""

    op: Literal["restate_both", "name_later"] = "restate_both"
    """Whether both reports are said once more, or the later one alone."""
    rule: Literal["later_survey"] = "later_survey"
    """Whom to trust: a later survey corrects an earlier one."""


class Scene(Config):
    """A short dialogue."""

    id: Name
    """Its name."""
    kind: Literal["conflict", "mismatch", "repair", "unknown", "text"]
    """`conflict`: two surveys differ; `mismatch`: an answer that belongs to another question;
    `repair`: an attempt over two facts goes wrong and is mended; `unknown`: no book says it;
    `text`: as written under `text`."""
    book: Reading | None = None
    """The book, or section, that it is about; all kinds but `text` need a book of a world."""
    trigger: Trigger | None = None
    """Of a conflict: what it is about; else any relation of the book."""
    resolution: Resolution = Resolution()
    """Of a conflict: how it ends."""
    text: str | None = Field(default=None, max_length=20_000)
    """Of kind `text`: lines `Speaker. What is said.`"""
    roles: tuple[Speaker, ...] = ("teacher", "student", "critic", "reformulator")
    """Speakers: who asks, who answers, who objects, who puts it right."""
    rate: Rate = 0.05
    """Share of the stage's text."""


class Tests(Config):
    """Questions that the build holds for an exam."""

    n: int = Field(default=400, ge=1, le=100_000)
    """Most questions of a kind."""
    twin: Literal["counterfactual"] | None = "counterfactual"
    """Also give each answer that holds in this twin of the world."""


class Genome(Config):
    """A whole education."""

    genome: Literal["litho.genome/1"]
    """Which format this is."""
    id: Name
    """Its name."""
    seed: int = Field(ge=0, lt=2**63, strict=True)
    """All randomness of the texts comes from it."""
    tokenizer: Tokenizer = Tokenizer()
    """How text becomes tokens."""
    model: Model | None = None
    """The model that is educated; none: its defaults, unless there is `start`."""
    start: str | None = None
    """A model that is educated further, in place of a new one: bundled, a folder or a hub id; it
    needs its own tokenizer, `{kind: model, model: MODEL}`."""
    train: Train = Train()
    """How it is trained."""
    budget: Budget
    """How much is read."""
    library: dict[Name, Book] = Field(min_length=1)
    """Books by the names under which stages read them."""
    stages: tuple[Stage, ...] = Field(min_length=1)
    """In the order of reading."""
    pacing: Pacing | None = None
    """How the curriculum adapts while it trains; none: every stage is read whole, as it is
    written."""
    gaps: tuple[Gap, ...] = ()
    """What the model has to connect by itself."""
    crossrefs: tuple[CrossRef, ...] = ()
    """Sections that refer to others."""
    scenes: tuple[Scene, ...] = ()
    """Short dialogues, which stages name."""
    loss: Loss | None = None
    """How much the parts of scenes count in training; none: all tokens count alike."""
    roles: Roles | None = None
    """Speakers that `litho roles` gives adapters of their own; none: all speakers of scenes."""
    tests: Tests | None = None
    """Questions for an exam, of the world and of books from files."""
    rewrite: Rewrite | None = None
    """How `litho rewrite` goes on after the school; none: its defaults."""
    journal: Journal | None = None
    """Which spans `litho journal` counts as hard; none: its defaults."""

    def scene(self, name: str) -> Scene:
        return next(each for each in self.scenes if each.id == name)


def layer_of(genome: Genome, book: str, section: str) -> Layer:
    """The layer of the first stage that reads a section; of a book that none reads, the third."""
    for stage in genome.stages:
        reads = (read_of(each) for each in stage.books)
        if any(each.book == book and each.section in (None, section) for each in reads):
            return stage.layer
    return "university"


def read_genome(path: Path) -> Genome:
    """A genome from a YAML file. Raises LithoError that names the line and the field."""
    return parse_genome(read_utf8(path), str(path), path.absolute().parent)


def parse_genome(written: str, source: str, folder: Path) -> Genome:
    """A genome from YAML that came from `source`; files are looked for from `folder`."""
    from litho.text.school.check import faults

    return parse_lined(
        Genome,
        written,
        source,
        "is no genome: see 'litho genome init'",
        lambda genome: faults(genome, folder),
    )
