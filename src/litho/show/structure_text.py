"""The structure document of a genome as Markdown."""

from collections.abc import Iterable, Iterator, Sequence

from litho.jobs.genome.records import Outline, StageOutline
from litho.show.figures.books import often
from litho.show.say import counted, retold, say
from litho.show.structure import MARK, played_in, practice_sentence, why_open


def structure_text(outline: Outline) -> str:
    """What the page says, with the path through the books as a table."""
    return "\n".join([f"<!-- {MARK} -->", *_lines(outline)]) + "\n"


def _lines(outline: Outline) -> Iterator[str]:
    yield f"# {outline.id}\n"
    whole = say(
        "{tokens} of {books} in {stages}, the last {tail} a tail in which everything is mixed "
        "evenly.",
        tokens=counted(outline.tokens, "token"),
        books=counted(len(outline.books), "book"),
        stages=counted(len(outline.stages), "stage"),
        tail=f"{outline.tail:.0%}",
    )
    tokens = say(
        "Tokens: {tokenizer}, {vocabulary} of them; {megabytes} MB. Seed {seed}.",
        tokenizer=retold(outline.tokenizer),
        vocabulary=f"{outline.vocabulary:,}",
        megabytes=f"{outline.megabytes:.1f}",
        seed=outline.seed,
    )
    yield f"{whole} {tokens}\n"
    for notice in outline.notices:
        yield say("Note: {notice}.", notice=retold(notice)) + "\n"
    yield f"## {say('Stages')}\n"
    for number, stage in enumerate(outline.stages, 1):
        yield from _stage(number, stage)
    yield from _books(outline)
    if outline.gaps:
        yield f"## {say('What is hidden, and why')}\n"
    for gap in outline.gaps:
        yield f"### {gap.id} ({gap.level}): {gap.between[0]} – {gap.between[1]}\n"
        yield f"{why_open(gap)}\n"
        yield from _quoted(gap.sample)
    if outline.references:
        yield f"## {say('References')}\n"
    for each in outline.references:
        share = say("{share} of the pages", share=f"{each.rate:.0%}")
        yield f"### {each.id}: {each.from_} → {each.to}, {share}\n"
        yield from _quoted(each.sample)
    if outline.scenes:
        yield f"## {say('Scenes')}\n"
    for scene in outline.scenes:
        about = ", " + say("about {book}", book=scene.book) if scene.book else ""
        when = played_in(outline, scene.id)
        yield f"### {scene.id}: {scene.kind}{about}, {scene.rate:.0%} ({when})\n"
        yield from _quoted(scene.sample)
    yield f"## {say('What should be read before what')}\n"
    kept = outline.needs - len(outline.violations)
    needs = counted(outline.needs, "need")
    yield say("{kept} of {needs} are kept.", kept=kept, needs=needs) + "\n"
    for before, after in outline.violations:
        yield "- " + say("{before} should be read before {after}", before=before, after=after)
    if outline.tests:
        yield f"\n## {say('What an exam asks')}\n"
        rows = [(t.kind, str(t.count), t.question, t.answer) for t in outline.tests]
        yield from _table((say("kind"), say("questions"), say("for instance"), say("answer")), rows)
    if outline.compression:
        yield from _map(outline)


def _stage(number: int, stage: StageOutline) -> Iterator[str]:
    yield (
        f"### {number}. {stage.id} ({stage.layer}, {stage.share:.0%}, "
        f"{counted(stage.tokens, 'token')})\n"
    )
    yield say("Passes through its books: {passes}.", passes=often(stage.passes)) + "\n"
    for reading in stage.readings:
        some = f" ({', '.join(reading.sections)})" if reading.sections else ""
        yield f"- {reading.book}{some} ×{often(reading.times)}"
    yield ""
    yield from _quoted(stage.sample)
    if stage.practice:
        yield say("Practice: {practised}", practised=practice_sentence(stage)) + "\n"
        yield from _quoted(stage.practice.sample)
    if stage.mismatches or stage.scenes:
        scenes = ", ".join((*stage.mismatches, *stage.scenes))
        yield say("Scenes: {mismatches}.", mismatches=scenes) + "\n"


def _books(outline: Outline) -> Iterator[str]:
    yield f"## {say('Books')}\n"
    yield (
        say("How often each stage, and all stages but the tail, read a book; *: some sections.")
        + "\n"
    )
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
    yield from _table(
        (say("book"), say("source"), *(stage.id for stage in outline.stages), say("read")), rows
    )


def _map(outline: Outline) -> Iterator[str]:
    found = outline.compression
    assert found
    yield f"\n## {say('What each section costs to read')}\n"
    measured = say(
        "Bits per byte of {model}, on {windows} of up to {window} tokens; excess over {compressor} "
        "or, for a book of a world, over what was drawn to write it.",
        model=found.model,
        windows=counted(found.windows, "window"),
        window=found.window,
        compressor=retold(found.compressor),
    )
    yield f"{measured}\n"
    rows = [
        (f"{each.book}#{each.section}", f"{each.bits:.2f}", f"{each.excess:+.2f}")
        for each in found.sections
    ]
    yield from _table((say("section"), say("bits per byte"), say("excess")), rows)


def _quoted(text: str) -> Iterator[str]:
    if text:
        yield "\n".join(f"> {line}".rstrip() for line in text.splitlines()) + "\n"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    for cells in (head, ["---"] * len(head), *rows):
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"
    yield ""
