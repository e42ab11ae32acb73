"""What a genome costs, before it is compiled: tokens, and how often each book is read."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from litho.jobs.genome.compiler import SPANS_AS_WELL, stage_tokens
from litho.jobs.genome.result import CheckResult, StageCost
from litho.jobs.genome.stage import width
from litho.jobs.genome.words import codec_for, tokens_per_character
from litho.model.codec import Codec
from litho.text.school.genome import Stage, read_genome, read_of
from litho.text.school.plan import practised, sections_read
from litho.text.school.precedence import violations
from litho.text.school.scenes import QUESTION
from litho.text.school.stages import School

OFTEN = 200  # readings of a book, above which check says so
NAMED = 5  # sections, at most
WHOLE = 0.95  # of its books, below which a stage is said to read only a part


def check_genome(genome: Path) -> CheckResult:
    """Look for faults, and estimate the cost. Raises LithoError that names line and field."""
    folder = genome.absolute().parent
    school = School.of(read_genome(genome), folder)
    return cost_of(school, codec_for(school, folder))


def cost_of(school: School, codec: Codec) -> CheckResult:
    """Tokens of each stage, and how often it reads its books."""
    density = tokens_per_character(school, codec)
    budgets = stage_tokens(school.genome)
    repeats: dict[str, float] = defaultdict(float)
    stages = []
    for stage in school.genome.stages:
        passes = budgets[stage.id] * (1 - _scenes(school, stage)) / (density * _size(school, stage))
        stages.append(
            StageCost(id=stage.id, layer=stage.layer, tokens=budgets[stage.id], passes=passes)
        )
        for book, size in _sizes(school, stage).items():
            whole = sum(school.shelf[book].size(s) for s in school.shelf[book].sections)
            repeats[book] += passes * size / whole
    tokens = sum(budgets.values())
    megabytes = tokens * width(codec.vocabulary).itemsize / 1e6
    return CheckResult(
        id=school.genome.id,
        tokens=tokens,
        vocabulary=codec.vocabulary,
        megabytes=megabytes,
        disk=SPANS_AS_WELL * megabytes,
        stages=tuple(stages),
        repeats=dict(repeats),
        violations=tuple(violations(school.genome, school.shelf)[0]),
        notices=(*_notices(stages, school.genome.stages), *_unread(school)),
    )


def _sizes(school: School, stage: Stage) -> dict[str, int]:
    """Characters of each book in one pass."""
    found: dict[str, int] = defaultdict(int)
    for written in stage.books:
        read = read_of(written)
        for section in school.shelf.sections_of(read):
            found[read.book] += read.times * school.shelf[read.book].size(section)
    return found


def _size(school: School, stage: Stage) -> float:
    """Characters of one pass."""
    items = practised(school.plan, stage, school.shelf) if school.plan else []
    return sum(_sizes(school, stage).values()) + QUESTION * len(items)


def _scenes(school: School, stage: Stage) -> float:
    """Share of a stage that is scenes."""
    names = stage.played
    return sum(school.genome.scene(name).rate for name in names)


def _notices(stages: Sequence[StageCost], asked: Sequence[Stage]) -> list[str]:
    told = []
    for cost, stage in zip(stages, asked, strict=True):
        if cost.passes < WHOLE:
            none = " and comes to no practice" if stage.practice else ""
            told.append(
                f"stage {cost.id!r} reads only {cost.passes:.0%} of its books{none}: raise its "
                "share or budget.tokens, or give it fewer books"
            )
        elif cost.passes > OFTEN:
            told.append(f"stage {cost.id!r} reads its books {cost.passes:,.0f} times")
    return told


def _unread(school: School) -> Iterator[str]:
    """A notice of what an exam asks about although no stage reads it."""
    if school.genome.tests is None:
        return
    read = {each for stage in school.genome.stages for each in sections_read(stage, school.shelf)}
    every = [(name, section) for name, book in school.shelf.items() for section in book.sections]
    unread = ["#".join(each) for each in every if each not in read]
    if unread:
        some = ", ".join(unread[:NAMED])
        more = f" and {len(unread) - NAMED} more" if len(unread) > NAMED else ""
        yield (
            f"no stage reads {some}{more}: an exam asks about them all the same, unless 'sections' "
            "of their books leaves them out"
        )
