"""Lines over tokens as SVG, which needs no script."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from markupsafe import Markup

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 760, 260, 44, 130, 18, 26
TICKS = 4


class Line(NamedTuple):
    """Points of (tokens, value) under a name."""

    name: str
    points: Sequence[tuple[float, float]]


def lines_picture(
    lines: Sequence[Line], marks: Sequence[tuple[str, float]], unit: str
) -> Markup | None:
    """`marks`: where something ends, such as a stage. None where there is no point yet."""
    points = [point for line in lines for point in line.points]
    if not points:
        return None
    most_x, most_y = (max(point[i] for point in points) or 1.0 for i in (0, 1))
    parts = [*_axes(most_x, most_y, unit), *_marks(marks, most_x)]
    for number, line in enumerate(lines):
        colour = f"hsl({360 * number // len(lines)} 55% 50%)"
        at = [(_x(x, most_x), _y(y, most_y)) for x, y in line.points]
        where = " ".join(f"{x:.1f},{y:.1f}" for x, y in at)
        drawn = '<polyline points="{}" style="stroke:{}"/>' if len(at) > 1 else ""
        drawn += '<circle cx="{:.1f}" cy="{:.1f}" r="2.5" style="fill:{}"/>'
        given = (where, colour) if len(at) > 1 else ()
        parts.append(Markup(drawn).format(*given, *at[-1], colour))
        parts.append(_text(WIDTH - RIGHT + 12, TOP + 14 * number + 8, line.name, colour))
    height = max(HEIGHT, TOP + 14 * len(lines) + BOTTOM)
    return Markup(
        '<svg class="lines" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>'
    ).format(WIDTH, height, unit, Markup("").join(parts))


def _axes(most_x: float, most_y: float, unit: str) -> Iterator[Markup]:
    yield _text(LEFT, 11, unit)
    for tick in range(TICKS + 1):
        y = _y(most_y * tick / TICKS, most_y)
        yield Markup('<path class="grid" d="M{} {:.1f}H{}"/>').format(LEFT, y, WIDTH - RIGHT)
        yield _text(4, y + 4, f"{most_y * tick / TICKS:.2f}")
        x = _x(most_x * tick / TICKS, most_x)
        yield _text(x - 12, HEIGHT - 8, f"{most_x * tick / TICKS:,.0f}")


def _marks(marks: Sequence[tuple[str, float]], most_x: float) -> Iterator[Markup]:
    before = 0.0
    for name, end in marks:
        if end > most_x:
            continue
        x = _x(end, most_x)
        yield Markup('<path class="mark" d="M{:.1f} {}V{}"/>').format(x, TOP, HEIGHT - BOTTOM)
        yield _text(_x(before, most_x) + 3, TOP + 10, name)
        before = end


def _x(tokens: float, most: float) -> float:
    return LEFT + tokens / most * (WIDTH - RIGHT - LEFT)


def _y(value: float, most: float) -> float:
    return HEIGHT - BOTTOM - value / most * (HEIGHT - BOTTOM - TOP)


def _text(x: float, y: float, said: str, colour: str = "") -> Markup:
    style = f"fill:{colour}" if colour else ""
    return Markup('<text x="{:.1f}" y="{:.1f}" style="{}">{}</text>').format(x, y, style, said)
