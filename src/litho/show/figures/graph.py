"""The graph from token to output as a picture: SVG, which needs no script.

Tokens from top to bottom, layers from left to right. It is drawn so narrow that its letters can be
read on a telephone.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from litho.jobs.trails.result import GraphEdge, GraphReading, GraphShift
from litho.show.graph import visible
from litho.show.say import say

WIDTH, LABELS, LEFT, RIGHT = 360, 100, 112, 342
TOP, ROW, AXIS = 10, 17, 34
SHIFTS = 12  # that are drawn
ALL_TOKENS = 48  # of a longer context only those are drawn that take part
THICKEST, LARGEST, REACH = 6.0, 6.0, 26.0  # of a line, of a circle, of a line from left to right


@dataclass(frozen=True)
class Scale:
    """The largest values of all pictures that are compared."""

    token: float
    edge: float
    shift: float

    @classmethod
    def of(cls, readings: Sequence[GraphReading]) -> "Scale":
        return cls(
            _largest(token.value for r in readings for token in r.tokens),
            _largest(edge.value for r in readings for edge in r.edges),
            _largest(shift.value for r in readings for shift in r.shifts),
        )


def _largest(values: Iterable[float]) -> float:
    return max(map(abs, values), default=0.0) or 1.0


def graph_picture(reading: GraphReading, answers: tuple[str, str], scale: Scale) -> Markup:
    """The strongest edges and shifts of a reading, with its tokens."""
    rows = _rows(reading)
    height = TOP + ROW * (max(rows.values()) + 1) + AXIS
    parts = [*_tracks(reading, rows, scale), *_edges(reading, rows, scale)]
    parts += [*_shifts(reading, rows, scale), *_output(reading, answers, rows)]
    return Markup(
        '<svg class="graph" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>'
    ).format(
        WIDTH,
        height,
        say("edges of attention from token to token, layer by layer"),
        Markup("").join(parts),
    )


def _rows(reading: GraphReading) -> dict[int, int]:
    """The row of each token that is drawn, with an empty one where tokens are left out."""
    last = len(reading.tokens) - 1
    drawn = set(range(last + 1))
    if len(drawn) > ALL_TOKENS:
        drawn = {last} | {shift.token for shift in reading.shifts[:SHIFTS]}
        drawn |= {place for edge in reading.edges for place in (edge.source, edge.target)}
    rows: dict[int, int] = {}
    row, before = -1, -1
    for token in sorted(drawn):
        row += 1 if token == before + 1 else 2
        rows[token], before = row, token
    return rows


def _tracks(reading: GraphReading, rows: dict[int, int], scale: Scale) -> Iterator[Markup]:
    """Each token's name, coloured by what begins in it, and its line through the layers."""
    for token, row in rows.items():
        value, y = reading.tokens[token].value, _y(row)
        share = round(0.75 * abs(value) / scale.token, 3)
        yield Markup(
            '<g class="{}"><title>{}</title><rect x="2" y="{}" width="{}" '
            'height="{}" rx="3" opacity="{}"/><text x="{}" y="{}" text-anchor="end">{}</text></g>'
            '<line class="track" x1="{}" y1="{}" x2="{}" y2="{}"/>'
        ).format(
            _way(value), _begins(reading.tokens[token].text, value), y - ROW / 2 + 1, LABELS,
            ROW - 2, share, LABELS - 3, y + 4, visible(reading.tokens[token].text),
            LEFT, y, RIGHT, y,
        )  # fmt: skip
    for row in rows.values():
        if row and row - 1 not in rows.values():
            yield Markup('<text class="small" x="{}" y="{}" text-anchor="end">⋯</text>').format(
                LABELS - 3, _y(row - 1) + 4
            )


def _edges(reading: GraphReading, rows: dict[int, int], scale: Scale) -> Iterator[Markup]:
    """Lines from the token that is looked at to the one that looks, the strongest on top."""
    words = [visible(token.text) for token in reading.tokens]
    for edge in reversed(reading.edges):
        x1, x2 = _x(reading, edge.layer), _x(reading, edge.layer + 1)
        x1 = max(LEFT, min(x1, x2 - REACH))
        y1, y2, middle = _y(rows[edge.source]), _y(rows[edge.target]), (x1 + x2) / 2
        yield Markup(
            '<path class="{}" d="M{:.1f} {} C{:.1f} {} {:.1f} {} {:.1f} {}" stroke-width="{:.2f}">'
            "<title>{}</title></path>"
        ).format(
            _way(edge.value), x1, y1, middle, y1, middle, y2, x2, y2,
            0.8 + (THICKEST - 0.8) * abs(edge.value) / scale.edge,
            _told(edge, words),
        )  # fmt: skip


def _shifts(reading: GraphReading, rows: dict[int, int], scale: Scale) -> Iterator[Markup]:
    for shift in reading.shifts[:SHIFTS]:
        yield Markup(
            '<circle class="{}" cx="{:.1f}" cy="{}" r="{:.2f}"><title>{}</title></circle>'
        ).format(
            _way(shift.value), _x(reading, shift.layer + 1), _y(rows[shift.token]),
            1.5 + (LARGEST - 1.5) * (abs(shift.value) / scale.shift) ** 0.5,
            _adds(shift, visible(reading.tokens[shift.token].text)),
        )  # fmt: skip


def _output(
    reading: GraphReading, answers: tuple[str, str], rows: dict[int, int]
) -> Iterator[Markup]:
    """Where the answer comes, and the numbers of the layers."""
    y = _y(max(rows.values()))
    yield Markup(
        '<path class="out" style="fill:currentColor;stroke:none;opacity:1" d="{}"/>'
    ).format(f"M{RIGHT} {y - 5} L{RIGHT + 9} {y} L{RIGHT} {y + 5} Z")
    said = f"{answers[0] if reading.m >= 0 else answers[1]} {abs(reading.m):.2f}"
    yield Markup('<text x="{}" y="{}" text-anchor="end" font-weight="700">{}</text>').format(
        RIGHT + 9, y + 18, f"→ {said}"
    )
    for layer in sorted({0, reading.layers // 3, 2 * reading.layers // 3, reading.layers - 1}):
        yield Markup('<text class="small" x="{:.1f}" y="{}" text-anchor="middle">{}</text>').format(
            _x(reading, layer + 0.5), y + 31, layer
        )
    yield Markup('<text class="small" x="{}" y="{}" text-anchor="end">{}</text>').format(
        LABELS - 3, y + 31, say("layer")
    )


def _begins(token: str, value: float) -> str:
    return say("{token}: {value} nats begin here", token=visible(token), value=f"{value:+.3f}")


def _told(edge: GraphEdge, words: Sequence[str]) -> str:
    return say(
        "{source} → {target}, layer {layer}, head {head}: attention {share}, {value} nats",
        source=words[edge.source],
        target=words[edge.target],
        layer=edge.layer,
        head=edge.head,
        share=f"{edge.share:.2f}",
        value=f"{edge.value:+.3f}",
    )


def _adds(shift: GraphShift, token: str) -> str:
    return say(
        "MLP of layer {layer} at {token}: {value} nats",
        layer=shift.layer,
        token=token,
        value=f"{shift.value:+.3f}",
    )


def _x(reading: GraphReading, layer: float) -> float:
    """Where the residual stream in front of a layer is."""
    return LEFT + (RIGHT - LEFT) * layer / reading.layers


def _y(row: int) -> int:
    return TOP + ROW * row + ROW // 2


def _way(value: float) -> str:
    return "for" if value >= 0 else "against"
