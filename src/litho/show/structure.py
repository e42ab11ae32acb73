"""The structure document of a genome: one page to read and to print, or Markdown."""

from litho.jobs.genome.records import BookCost, GapOutline, Outline, SectionCost, StageOutline
from litho.show.figures.books import books_picture, often
from litho.show.page import render_plain
from litho.show.say import counted, say, to_say

FORMS = to_say(
    {
        "direct": "at once",
        "terse": "by the thing between the facts",
        "restated": "after the facts are said again in the words of the books",
    }
)
MARK = "litho genome document"  # by which a document is known that may be written anew


def structure_page(outline: Outline) -> str:
    """The document as HTML, without scripts."""
    return render_plain(
        "genome.html.j2",
        mark=MARK,
        outline=outline,
        picture=books_picture(outline),
        often=often,
        why=why_open,
        practised=practice_sentence,
        when=played_in,
        costs=costs_by_book(outline),
    )


def why_open(gap: GapOutline) -> str:
    """What a gap hides, and what for."""
    if gap.level == "L2":
        return say(
            "No question over both sections is ever practised. What each of them says is read, and "
            "may be practised by itself."
        )
    hidden = say(
        "{facts} about reserved things are read, but in no practice, scene or reference: whoever "
        "answers has connected what two books say.",
        facts=counted(gap.hidden, "fact"),
    )
    if gap.bridge == "others":
        return f"{hidden} {say('Other facts of the two sections may be bridged in practice.')}"
    return f"{hidden} {say('Other facts of the two sections are not bridged, either.')}"


def practice_sentence(stage: StageOutline) -> str:
    """What is practised in each pass."""
    practice = stage.practice
    if practice is None:
        return ""
    over = say("over one fact")
    if practice.hops == 2:
        one = practice.within_book
        over = say("over two facts of one book") if one else say("over two facts of two books")
    return say(
        "{questions} {over} in each pass, answered {form}.",
        questions=counted(practice.questions, "question"),
        over=over,
        form=say(FORMS[practice.form]),
    )


def played_in(outline: Outline, scene: str) -> str:
    """In which stages, and when, a scene is played."""
    told = []
    for stage in outline.stages:
        if scene in stage.mismatches:
            first = stage.mismatches_first
            when = say("before all else") if first else say("after all else")
            told.append(f"{stage.id}, {when}")
        elif scene in stage.scenes:
            told.append(f"{stage.id}, {say('strewn in')}")
    return "; ".join(told) or say("no stage")


def costs_by_book(outline: Outline) -> list[tuple[BookCost, list[tuple[SectionCost, int]]]]:
    """Each book with its sections in the compression map, each with its heat from 0 to 100."""
    found = outline.compression
    if found is None:
        return []
    excess = [cost.excess for cost in found.sections]
    low, wide = min(excess), (max(excess) - min(excess)) or 1
    return [
        (
            book,
            [
                (cost, round(100 * (cost.excess - low) / wide))
                for cost in found.sections
                if cost.book == book.book
            ],
        )
        for book in found.books
    ]
