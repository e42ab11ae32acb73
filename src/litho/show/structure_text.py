"""The structure document of a genome as Markdown."""

from collections.abc import Iterable, Iterator, Sequence

from litho.jobs.genome.records import Outline, StageOutline
from litho.show.figures.books import often
from litho.show.say import counted
from litho.show.structure import MARK, played_in, practice_sentence, why_open


def structure_text(outline: Outline) -> str:
    """What the page says, with the path through the books as a table."""
    return "\n".join([f"<!-- {MARK} -->", *_lines(outline)]) + "\n"


def _lines(outline: Outline) -> Iterator[str]:
    yield f"# {outline.id}\n"
    yield (
        f"{counted(outline.tokens, 'token')} of {counted(len(outline.books), 'book')} in "
        f"{counted(len(outline.stages), 'stage')}, the last {outline.tail:.0%} a tail in which "
        f"everything is mixed evenly. Tokens: {outline.tokenizer}, {outline.vocabulary:,} of them; "
        f"{outline.megabytes:.1f} MB. Seed {outline.seed}.\n"
    )
    for notice in outline.notices:
        yield f"Note: {notice}.\n"
    yield "## Stages\n"
    for number, stage in enumerate(outline.stages, 1):
        yield from _stage(number, stage)
    yield from _books(outline)
    if outline.gaps:
        yield "## What is hidden, and why\n"
    for gap in outline.gaps:
        yield f"### {gap.id} ({gap.level}): {gap.between[0]} – {gap.between[1]}\n"
        yield f"{why_open(gap)}\n"
        yield from _quoted(gap.sample)
    if outline.references:
        yield "## References\n"
    for each in outline.references:
        yield f"### {each.id}: {each.from_} → {each.to}, {each.rate:.0%} of the pages\n"
        yield from _quoted(each.sample)
    if outline.scenes:
        yield "## Scenes\n"
    for scene in outline.scenes:
        about = f", about {scene.book}" if scene.book else ""
        when = played_in(outline, scene.id)
        yield f"### {scene.id}: {scene.kind}{about}, {scene.rate:.0%} ({when})\n"
        yield from _quoted(scene.sample)
    yield "## What should be read before what\n"
    kept = outline.needs - len(outline.violations)
    yield f"{kept} of {counted(outline.needs, 'need')} are kept.\n"
    for before, after in outline.violations:
        yield f"- {before} should be read before {after}"
    if outline.tests:
        yield "\n## What an exam asks\n"
        rows = [(t.kind, str(t.count), t.question, t.answer) for t in outline.tests]
        yield from _table(("kind", "questions", "for instance", "answer"), rows)
    if outline.compression:
        yield from _map(outline)


def _stage(number: int, stage: StageOutline) -> Iterator[str]:
    yield (
        f"### {number}. {stage.id} ({stage.layer}, {stage.share:.0%}, "
        f"{counted(stage.tokens, 'token')})\n"
    )
    yield f"Passes through its books: {often(stage.passes)}.\n"
    for reading in stage.readings:
        some = f" ({', '.join(reading.sections)})" if reading.sections else ""
        yield f"- {reading.book}{some} ×{often(reading.times)}"
    yield ""
    yield from _quoted(stage.sample)
    if stage.practice:
        yield f"Practice: {practice_sentence(stage)}\n"
        yield from _quoted(stage.practice.sample)
    if stage.mismatches or stage.scenes:
        yield f"Scenes: {', '.join((*stage.mismatches, *stage.scenes))}.\n"


def _books(outline: Outline) -> Iterator[str]:
    yield "## Books\n"
    yield "How often each stage, and all stages but the tail, read a book; *: some sections.\n"
    rows = []
    for book in outline.books:
        cells = [
            next(
                (
                    often(reading.times) + "\\*" * bool(reading.sections)
                    for reading in stage.readings
                    if reading.book == book.name
                ),
                "",
            )
            for stage in outline.stages
        ]
        rows.append((book.name, f"`{book.source}`", *cells, often(book.times)))
    yield from _table(("book", "source", *(stage.id for stage in outline.stages), "read"), rows)


def _map(outline: Outline) -> Iterator[str]:
    found = outline.compression
    assert found
    yield "\n## What each section costs to read\n"
    yield (
        f"Bits per byte of {found.model}, on {counted(found.windows, 'window')} of up to "
        f"{found.window} tokens; excess over {found.compressor} or, for a book of a world, over "
        "what was drawn to write it.\n"
    )
    rows = [
        (f"{each.book}#{each.section}", f"{each.bits:.2f}", f"{each.excess:+.2f}")
        for each in found.sections
    ]
    yield from _table(("section", "bits per byte", "excess"), rows)


def _quoted(text: str) -> Iterator[str]:
    if text:
        yield "\n".join(f"> {line}".rstrip() for line in text.splitlines()) + "\n"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    for cells in (head, ["---"] * len(head), *rows):
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"
    yield ""
