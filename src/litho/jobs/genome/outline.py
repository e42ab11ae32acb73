"""What the structure document of a genome says: everything in it, with samples."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from litho.jobs.genome.cost import cost_of
from litho.jobs.genome.records import (
    BookOutline,
    GapOutline,
    Outline,
    PracticeOutline,
    Reading,
    ReferenceOutline,
    SceneOutline,
    SectionOutline,
    StageOutline,
    TestOutline,
)
from litho.jobs.genome.result import CheckResult
from litho.jobs.genome.words import codec_for
from litho.text.school.chance import chance
from litho.text.school.genome import CrossRef, Gap, Scene, Stage, Tokenizer, read_of
from litho.text.school.plan import Item, Plan, practised
from litho.text.school.precedence import violations
from litho.text.school.questions import questions
from litho.text.school.scenes import solved
from litho.text.school.speech import Speech
from litho.text.school.stages import School

LOOKED = 2000  # pages among which a reference is looked for
SHOWN = 900  # characters of a page, about, and questions of practice
ASKED = 2
Place = tuple[str, str]


def outline_of(school: School, folder: Path) -> Outline:
    """Everything that stands in a genome whose books are open."""
    genome = school.genome
    codec = codec_for(school, folder)
    cost = cost_of(school, codec)
    times = _times(school, cost)
    broken, needs = violations(genome, school.shelf)
    return Outline(
        id=genome.id,
        seed=genome.seed,
        tokens=cost.tokens,
        megabytes=cost.megabytes,
        tokenizer=_tokenizer(genome.tokenizer),
        vocabulary=codec.vocabulary,
        tail=genome.budget.tail,
        books=tuple(_books(school, cost, times)),
        stages=tuple(_stages(school, cost, times)),
        gaps=tuple(_gap(gap, school.plan) for gap in genome.gaps),
        references=tuple(_reference(each, school) for each in genome.crossrefs),
        scenes=tuple(_scene(scene, school) for scene in genome.scenes),
        tests=tuple(_tests(school)),
        needs=needs,
        violations=tuple(broken),
        notices=cost.notices,
    )


def _times(school: School, cost: CheckResult) -> dict[str, dict[Place, float]]:
    """How often each stage reads each section."""
    found: dict[str, dict[Place, float]] = {}
    for stage, told in zip(school.genome.stages, cost.stages, strict=True):
        here = found[stage.id] = defaultdict(float)
        for written in stage.books:
            read = read_of(written)
            for section in school.shelf.sections_of(read):
                here[read.book, section] += read.times * told.passes
    return found


def _books(
    school: School, cost: CheckResult, times: dict[str, dict[Place, float]]
) -> Iterator[BookOutline]:
    for name, book in school.shelf.items():
        sections = tuple(
            SectionOutline(
                name=section,
                title=book.heading(section),
                characters=book.size(section),
                times=sum(each.get((name, section), 0.0) for each in times.values()),
            )
            for section in book.sections
        )
        yield BookOutline(
            name=name,
            source=school.genome.library[name].source,
            characters=sum(section.characters for section in sections),
            times=cost.repeats.get(name, 0.0),
            sections=sections,
        )


def _stages(
    school: School, cost: CheckResult, times: dict[str, dict[Place, float]]
) -> Iterator[StageOutline]:
    for stage, told in zip(school.genome.stages, cost.stages, strict=True):
        page = next(school.readings(stage))
        yield StageOutline(
            id=stage.id,
            layer=stage.layer,
            share=stage.share,
            tokens=told.tokens,
            passes=told.passes,
            readings=tuple(_readings(school, times[stage.id])),
            practice=_practice(school, stage),
            mismatches=stage.mismatch.scenes if stage.mismatch else (),
            mismatches_first=stage.mismatch is not None and stage.mismatch.before,
            scenes=stage.scenes,
            sample=_beginning(page.text),
        )


def _readings(school: School, times: dict[Place, float]) -> Iterator[Reading]:
    sections: dict[str, list[str]] = {}
    for book, section in times:
        sections.setdefault(book, []).append(section)
    for book, some in sections.items():
        whole = tuple(some) == school.shelf[book].sections
        often = sum(times[book, section] for section in some) / len(some)
        yield Reading(book=book, sections=() if whole else tuple(some), times=often)


def _practice(school: School, stage: Stage) -> PracticeOutline | None:
    items = practised(school.plan, stage, school.shelf) if school.plan else []
    page = next(iter(school.practice(stage, items, 0)), None)
    if page is None or stage.practice is None:
        return None
    asked = page.text.split("\n\n")[:ASKED]
    return PracticeOutline(
        hops=stage.practice.hops,
        within_book=stage.practice.within_book,
        form=stage.practice.form,
        questions=len(items),
        sample="\n\n".join(asked),
    )


def _gap(gap: Gap, plan: Plan | None) -> GapOutline:
    """With the first chain over it that nothing is practised of."""
    hidden, sample = 0, ""
    for one, other in (gap.between, gap.between[::-1]) if plan else ():
        assert plan
        for bridge in plan.between(one, other):
            chains = list(plan.world.chains(bridge))
            kept = [c for c in chains if plan.is_hidden(c)] if gap.level == "L3" else chains
            draw = chance(plan.world.seed, "gap", gap.id)
            if kept and not sample:
                item = Item(draw.choice(kept), bridge)
                pieces = solved(Speech(plan.world, draw), item, "restated")
                sample = " ".join(piece.text for piece in pieces)
        if gap.level == "L3":
            hidden += sum(
                fact.id in plan.hidden
                for name, place in plan.places.items()
                if place == one
                for fact in plan.world.facts(plan.world.relation(name))
            )
    return GapOutline(
        id=gap.id,
        between=gap.between,
        level=gap.level,
        bridge=gap.bridge,
        hidden=hidden,
        sample=sample,
    )


def _reference(reference: CrossRef, school: School) -> ReferenceOutline:
    """With a sentence as the first stage that reads the section has it."""
    return ReferenceOutline(
        id=reference.id,
        from_=reference.from_,
        to=reference.to,
        rate=reference.rate,
        sample=next(_citations(reference, school), ""),
    )


def _citations(reference: CrossRef, school: School) -> Iterator[str]:
    book, section, _ = read_of(reference.from_)
    assert section
    for stage in school.genome.stages:
        reads = (read_of(each) for each in stage.books)
        if any(each.book == book and each.section in (None, section) for each in reads):
            turns = (school.reading(stage, book, section, turn) for turn in range(LOOKED))
            pages = (page for turn in turns for page in turn)
            for page in islice(pages, LOOKED):
                for before, piece in zip(page.pieces, page.pieces[1:], strict=False):
                    see = school.shelf[read_of(reference.to).book].title(
                        read_of(reference.to).section or ""
                    )
                    if piece.kind == "crossref" and see in piece.text:
                        yield before.text.split("\n\n")[-1].strip()[-300:] + piece.text


def _scene(scene: Scene, school: School) -> SceneOutline:
    """As the first stage that plays it does; as the first stage would, if none does."""
    stages = [stage for stage in school.genome.stages if scene.id in stage.played]
    played = school.scene((stages or list(school.genome.stages))[0], scene, 0)
    return SceneOutline(
        id=scene.id,
        kind=scene.kind,
        book=scene.book or "",
        rate=scene.rate,
        roles=scene.roles,
        stages=tuple(stage.id for stage in stages),
        sample=played.text,
    )


def _tests(school: School) -> Iterator[TestOutline]:
    asked = school.genome.tests
    if asked is None or school.plan is None:
        return
    made = list(questions(school.plan, asked.n, asked.twin is not None))
    for kind, count in Counter(question.kind for question in made).items():
        first = next(question for question in made if question.kind == kind)
        yield TestOutline(
            kind=kind,
            count=count,
            question=f"{first.question} {first.lead} …".strip(),
            answer=first.answer,
        )


def _tokenizer(asked: Tokenizer) -> str:
    if asked.kind == "model":
        return f"that of {asked.model}"
    return {"bpe": "byte-pair encoding trained on the library", "bytes": "bytes"}[asked.kind]


def _beginning(text: str) -> str:
    """A page up to the end of the paragraph, or else of the word, that passes the limit."""
    if len(text) <= SHOWN:
        return text
    cut = text.find("\n\n", SHOWN * 2 // 3)
    if not 0 < cut <= SHOWN * 4 // 3:
        cut = text.rfind(" ", 0, SHOWN)
    return f"{text[: cut if cut > 0 else SHOWN]} …"
