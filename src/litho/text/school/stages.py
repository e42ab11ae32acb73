"""The documents of a stage, as an endless row that its budget cuts off."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import accumulate, count
from pathlib import Path
from random import Random

from litho.text.school.chance import chance
from litho.text.school.documents import Document, Piece, paragraphs
from litho.text.school.genome import TAIL, CrossRef, Genome, Scene, Stage, read_of
from litho.text.school.plan import Item, Plan, practised
from litho.text.school.scenes import QUESTION, solved, staged
from litho.text.school.shelf import Page, Shelf, open_shelf
from litho.text.school.speech import Speech, lower

TOGETHER = 8  # questions in a document of practice
BLOCK, LARGEST_BLOCK = 16, 4096  # documents of the tail that are made together
Unit = tuple[Stage, Scene | tuple[str, str]]  # a scene, or book and section; no book: practice


@dataclass(frozen=True)
class School:
    """A genome with its books open."""

    genome: Genome
    shelf: Shelf
    plan: Plan | None
    attempts: Mapping[str, str] = field(default_factory=dict)  # of the model itself, by question

    @classmethod
    def of(cls, genome: Genome, folder: Path) -> "School":
        shelf = open_shelf(genome, folder)
        return cls(genome, shelf, Plan.of(genome, shelf))

    def readings(self, stage: Stage) -> Iterator[Document]:
        """Pass after pass: all books in their order, then what is practised."""
        times: dict[tuple[str, str], int] = {}
        items = practised(self.plan, stage, self.shelf) if self.plan else []
        for number in count():
            for written in stage.books:
                read = read_of(written)
                for _ in range(read.times):
                    for section in self.shelf.sections_of(read):
                        turn = times.get((read.book, section), 0)
                        times[read.book, section] = turn + 1
                        yield from self.reading(stage, read.book, section, turn)
            yield from self.practice(stage, items, number)

    def reading(self, stage: Stage, book: str, section: str, turn: int) -> Iterator[Document]:
        """The pages of one reading of a section; the words of a world are new every time."""
        draw = chance(self.genome.seed, stage.id, book, section, turn)
        references = [r for r in self.genome.crossrefs if r.from_ == f"{book}#{section}"]
        for page in self.shelf[book].read(section, stage.layer, draw):
            for reference in references:
                if draw.random() < reference.rate:
                    page = (*page, self._cited(reference, page, draw))
            yield Document(book, section, stage.layer, "reading", page)

    def practice(self, stage: Stage, items: list[Item], turn: int) -> Iterator[Document]:
        if not items or not self.plan or not stage.practice:
            return
        draw = chance(self.genome.seed, stage.id, "practice", turn)
        speech = Speech(self.plan.world, draw)
        order = draw.sample(items, len(items))
        for begin in range(0, len(order), TOGETHER):
            groups = [
                solved(speech, i, stage.practice.form) for i in order[begin : begin + TOGETHER]
            ]
            yield Document("", "", stage.layer, "practice", paragraphs(groups))

    def scenes(self, stage: Stage, scene: Scene) -> Iterator[Document]:
        for turn in count():
            yield self.scene(stage, scene, turn)

    def scene(self, stage: Stage, scene: Scene, turn: int) -> Document:
        draw = chance(self.genome.seed, stage.id, "scene", scene.id, turn)
        loss, own = self.genome.loss, self.attempts
        pieces = staged(scene, self.plan, self.shelf, draw, loss, own)
        read = read_of(scene.book) if scene.book else None
        book, section = (read.book, read.section or "") if read else ("", "")
        return Document(book, section, stage.layer, "scene", pieces, scene.id)

    def tail(self, more: Mapping[str, float] | None = None) -> Iterator[Document]:
        """Single pages, practice and scenes of all stages, drawn evenly, whatever their order.

        `more`: of some sections, by BOOK#SECTION, so many times as much.
        """
        stages = sorted(self.genome.stages, key=lambda stage: stage.id)
        units = [
            (unit, weight * (more or {}).get(_section_of(unit), 1.0))
            for stage in stages
            for unit, weight in self._units(stage)
        ]
        weights = list(accumulate(weight for _, weight in units))
        first, some = 0, BLOCK
        while True:
            drawn = [
                (turn, draw, draw.choices(units, cum_weights=weights)[0][0])
                for turn in range(first, first + some)
                for draw in (chance(self.genome.seed, TAIL, turn),)
            ]
            yield from self._mixed(drawn)
            first, some = first + some, min(2 * some, LARGEST_BLOCK)

    def _mixed(self, drawn: list[tuple[int, Random, Unit]]) -> Iterator[Document]:
        """A page of each unit in this order, though made book by book, each read once."""
        made: dict[int, Document] = {}
        for turn, draw, (stage, what) in sorted(drawn, key=lambda each: _book_of(each[2])):
            again = stage.model_copy(update={"id": f"{TAIL} {stage.id}"})
            if isinstance(what, Scene):
                made[turn] = self.scene(again, what, turn)
                continue
            book, section = what
            if book:
                found = list(self.reading(again, book, section, turn))
            else:
                items = practised(self.plan, stage, self.shelf) if self.plan else []
                some = draw.sample(items, min(TOGETHER, len(items)))
                found = list(self.practice(again, some, turn))
            made[turn] = draw.choice(found)
        return iter([made[turn] for turn, _, _ in drawn])

    def _units(self, stage: Stage) -> Iterator[tuple[Unit, float]]:
        """What a stage consists of, and how much of each there is in one pass."""
        whole = 0.0
        for written in stage.books:
            read = read_of(written)
            for section in self.shelf.sections_of(read):
                size = float(self.shelf[read.book].size(section) * read.times)
                whole += size
                yield (stage, (read.book, section)), size
        if self.plan and stage.practice:
            size = float(QUESTION * len(practised(self.plan, stage, self.shelf)))
            whole += size
            if size:
                yield (stage, ("", "")), size
        for name in stage.played:
            scene = self.genome.scene(name)
            yield (stage, scene), whole * scene.rate

    def _cited(self, reference: CrossRef, page: Page, draw: Random) -> Piece:
        """A sentence that names another section, and says what that says of a thing on the page."""
        to = read_of(reference.to)
        see = f" See {self.shelf[to.book].title(to.section or '')}"
        bridges = self.plan.between(reference.from_, reference.to) if self.plan else []
        if self.plan and bridges:
            told = {first.id: second for first, second in self.plan.free_chains(bridges[0])[0]}
            found = [told[identity] for p in page for identity in p.facts if identity in told]
            if found:
                speech = Speech(self.plan.world, draw)
                fact = speech.mention(draw.choice(found))
                said = f"{see}: there we read that {lower(speech.say(fact))}."
                return Piece(said, (fact.id,), kind="crossref")
        return Piece(f"{see}.", kind="crossref")


def _book_of(unit: Unit) -> str:
    _, what = unit
    return "" if isinstance(what, Scene) else what[0]


def _section_of(unit: Unit) -> str:
    _, what = unit
    return "" if isinstance(what, Scene) else "#".join(what)
