"""The path through the books of a genome as a picture: SVG, which needs no script.

Stages stand from left to right, and in each the books that it reads, in their order; a line leads
from a book to its next stage. At the right, the sections between which there is a gap or to which
a reference leads.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from markupsafe import Markup

from litho.jobs.genome.records import Outline, StageOutline
from litho.show.say import counted, say

BETWEEN, ROW, HEAD, FOOT, MARGIN = 26, 16, 54, 40, 6
ARCS = 110  # right of the last column
MOST = 42  # books that are drawn of a stage, and sections with gaps or references
LETTERS, LETTER, NARROWEST = 20, 6.9, 124  # of a name at most; width of one, and of a column
HUES = 12  # up to as many books have a colour each


@dataclass(frozen=True)
class _Places:
    """Where the names stand: the left edge and the middle of each row."""

    books: list[dict[str, tuple[int, int]]]  # of each stage
    sections: dict[str, tuple[int, int]]
    column: int  # width of one
    height: int
    width: int

    def left(self, column: int) -> int:
        return _left(column, self.column)


def books_picture(outline: Outline) -> Markup:
    """The whole path."""
    places = _places(outline)
    parts = [*_path(outline, places)]
    for number, stage in enumerate(outline.stages):
        parts += _column(stage, number, places)
    parts += [*_tail(outline, places), *_connections(outline, places)]
    label = say("stages from left to right with the books that each reads; gaps and references")
    return Markup(
        '<svg class="books" viewBox="0 0 {} {}" role="img" aria-label="{}">'
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" '
        'markerHeight="7" orient="auto"><path d="M0 0L8 4L0 8z" class="tip"/></marker></defs>'
        "{}</svg>"
    ).format(places.width, places.height, label, Markup("").join(parts))


def _places(outline: Outline) -> _Places:
    named = _connected(outline)
    longest = max(map(len, [*(book.name for book in outline.books), *named]))
    column = max(NARROWEST, round(min(longest, LETTERS) * LETTER) + 38)
    books = [
        {
            reading.book: (_left(number, column), HEAD + ROW * row)
            for row, reading in enumerate(stage.readings[:MOST])
        }
        for number, stage in enumerate(outline.stages)
    ]
    end = _left(len(outline.stages) + (outline.tail > 0), column)
    sections = {name: (end, HEAD + ROW * row) for row, name in enumerate(named[:MOST])}
    rows = max([len(stage.readings[: MOST + 1]) for stage in outline.stages] + [len(named)])
    width = end + (column + ARCS if named else -BETWEEN) + MARGIN
    return _Places(books, sections, column, HEAD + ROW * min(rows, MOST + 1) + FOOT, width)


def _left(number: int, column: int) -> int:
    return MARGIN + number * (column + BETWEEN)


def _connected(outline: Outline) -> list[str]:
    """Sections with gaps or references, in the order of the library."""
    some = {name for gap in outline.gaps for name in gap.between}
    some |= {name for reference in outline.references for name in (reference.from_, reference.to)}
    every = [f"{book.name}#{section.name}" for book in outline.books for section in book.sections]
    return [name for name in every if name in some]


def _column(stage: StageOutline, number: int, places: _Places) -> Iterator[Markup]:
    x = places.left(number)
    yield _text(x, 14, stage.id, "name")
    yield _text(x, 29, f"{stage.layer} · {stage.share:.0%}", "small")
    bar = Markup('<rect class="share" x="{}" y="34" width="{:.1f}" height="3"/>')
    yield bar.format(x, places.column * stage.share)
    for reading in stage.readings[:MOST]:
        _, y = places.books[number][reading.book]
        told = ", ".join(reading.sections) or say("the whole book")
        yield _text(x, y + 4, _short(reading.book), "", f"{reading.book}: {told}")
        yield _text(x + places.column, y + 4, f"×{often(reading.times)}", "small end")
    if len(stage.readings) > MOST:
        rest = say("… and {count} more", count=len(stage.readings) - MOST)
        yield _text(x, HEAD + ROW * MOST + 4, rest, "small")
    practice = stage.practice
    facts = say("one fact") if practice and practice.hops == 1 else say("two facts")
    played = len(stage.mismatches) + len(stage.scenes)
    below = (
        [say("practises {facts}, {form}", facts=facts, form=say(practice.form))] if practice else []
    )
    below += [say("plays {scenes}", scenes=counted(played, "scene"))] if played else []
    for line, said in enumerate(below):
        yield _text(x, places.height - FOOT + 18 + 14 * line, said, "small")


def _path(outline: Outline, places: _Places) -> Iterator[Markup]:
    """From each book to the next stage that reads it, and at last to its sections."""
    names = [book.name for book in outline.books]
    for number, name in enumerate(names):
        colour = f"hsl({360 * number // len(names)} 55% 50%)" if len(names) <= HUES else ""
        stops = [here[name] for here in places.books if name in here]
        for (x1, y1), (x2, y2) in pairwise(stops):
            yield _curve((x1 + places.column + 3, y1), (x2 - 3, y2), colour)
        firsts = [at for key, at in places.sections.items() if key.partition("#")[0] == name]
        for x2, y2 in firsts if stops else ():
            x1, y1 = stops[-1]
            yield _curve((x1 + places.column + 3, y1), (x2 - 3, y2), colour, "path faint")


def _tail(outline: Outline, places: _Places) -> Iterator[Markup]:
    if outline.tail:
        x = places.left(len(outline.stages))
        yield _text(x, 14, say("tail"), "name")
        yield _text(x, 29, f"{say('all mixed')} · {outline.tail:.0%}", "small")
        bar = Markup('<rect class="share" x="{}" y="34" width="{:.1f}" height="3"/>')
        yield bar.format(x, places.column * outline.tail)


def _connections(outline: Outline, places: _Places) -> Iterator[Markup]:
    if not places.sections:
        return
    x, _ = next(iter(places.sections.values()))
    yield _text(x, 14, say("left open"), "name")
    yield _text(x, 29, say("gaps and references"), "small")
    for name, (_, y) in places.sections.items():
        yield _text(x, y + 4, _short(name), "", name)
    for gap in outline.gaps:
        yield from _arc(places, *gap.between, f"gap {gap.level.lower()}", f"{gap.id}, {gap.level}")
    for reference in outline.references:
        yield from _arc(places, reference.from_, reference.to, "reference", reference.id)


def _arc(places: _Places, one: str, other: str, kind: str, title: str) -> Iterator[Markup]:
    if one not in places.sections or other not in places.sections:
        return
    (x, y1), (_, y2) = places.sections[one], places.sections[other]
    x += places.column
    wide = 0.6 if kind == "reference" else 0.75  # where both are, both are seen
    out = x + min(ARCS * 4 / 3, 14 + wide * abs(y2 - y1))
    shape = f"M{x} {y1}C{out:.0f} {y1} {out:.0f} {y2} {x} {y2}"
    yield Markup('<path class="{}" d="{}"><title>{}: {} – {}</title></path>').format(
        kind, shape, title, one, other
    )


def _curve(one: tuple[int, int], other: tuple[int, int], colour: str, kind: str = "path") -> Markup:
    (x1, y1), (x2, y2) = one, other
    turn = max(x1, x2 - BETWEEN)  # past other columns it goes straight
    middle = (turn + x2) // 2
    shape = f"M{x1} {y1}H{turn}C{middle} {y1} {middle} {y2} {x2} {y2}"
    return Markup('<path class="{}" style="{}" d="{}"/>').format(
        kind, f"stroke:{colour}" if colour else "", shape
    )


def _text(x: float, y: float, said: str, kind: str, title: str = "") -> Markup:
    inner = Markup("<title>{}</title>{}").format(title, said) if title else said
    return Markup('<text x="{}" y="{}" class="{}">{}</text>').format(x, y, kind, inner)


def _short(name: str) -> str:
    return name if len(name) <= LETTERS else f"{name[: LETTERS - 1]}…"


def often(times: float) -> str:
    """How often something is read, with one place below ten."""
    return f"{times:.1f}" if round(times, 1) < 10 else f"{times:,.0f}"
