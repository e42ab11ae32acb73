"""The family tree of an evolution: what was tried when, and how good it was."""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, TypeVar

import plotly.graph_objects as go

from litho.jobs.evolve.result import Bred
from litho.show.figures.base import LEGEND_BELOW, MARGIN, Figure, finished, label
from litho.show.say import say

# Readable on white and on black.
BRED, CHANCE, LINE = "#3b82d6", "#8a8f98", "#8a8f98"
OWN = "own"  # what the page leaves in the colours that are given here


class Member(Protocol):
    """What was tried in a search."""

    @property
    def id(self) -> str: ...
    @property
    def search(self) -> str: ...
    @property
    def generation(self) -> int: ...
    @property
    def parents(self) -> tuple[str, ...]: ...
    @property
    def operators(self) -> tuple[str, ...]: ...
    @property
    def seeds(self) -> int: ...


Of = TypeVar("Of", bound=Member)


def lineage(name: str, family: Sequence[Of]) -> list[Of]:
    """A member and its first parents, the oldest first; nothing if it is not of the family."""
    by_id = {each.id: each for each in family}
    found: dict[str, Of] = {}
    while name in by_id and name not in found:
        found[name] = by_id[name]
        name = next(iter(by_id[name].parents), "")
    return [*found.values()][::-1]


def family_figure(family: Sequence[Bred]) -> Figure:
    """Genomes of schools by generation and bridging."""
    return tree_figure(
        family,
        lambda each: each.fitness.bridging,
        say("genome (larger: tried with more seeds)"),
        say("bridging in the search"),
    )


def tree_figure(
    family: Sequence[Of], value: Callable[[Of], float], dots: str, along: str
) -> Figure:
    """A dot for each of the evolution, at its generation and value; lines from parents.

    `dots`: what a dot is called; `along`: the value.
    """
    bred = [each for each in family if each.search == "evolution"]
    places = _places(bred, value)
    figure = go.Figure()
    xs: list[float | None] = []
    ys: list[float | None] = []
    for each in bred:
        for parent in filter(places.__contains__, each.parents):  # not those of random search
            xs += [places[parent][0], places[each.id][0], None]
            ys += [places[parent][1], places[each.id][1], None]
    line = {"width": 1, "color": LINE}
    figure.add_scatter(
        x=xs, y=ys, mode="lines", line=line, name=say("child of"), meta=OWN, hoverinfo="skip"
    )
    figure.add_scatter(
        x=[places[each.id][0] for each in bred],
        y=[places[each.id][1] for each in bred],
        text=[label(f"{each.id}: {', '.join(each.operators)}") for each in bred],
        mode="markers",
        name=dots,
        marker={"size": [6 + 2 * each.seeds for each in bred], "color": BRED},
        meta=OWN,
        hovertemplate=f"%{{text}}<br>{along} %{{y:.2f}}<extra></extra>",
    )
    by_chance = [each for each in family if each.search != "evolution"]
    if by_chance:
        figure.add_scatter(
            x=[each.generation + 0.5 for each in by_chance],
            y=[value(each) for each in by_chance],
            text=[label(each.id) for each in by_chance],
            mode="markers",
            name=say("by chance"),
            marker={"size": 6, "symbol": "x-thin-open", "color": CHANCE, "line": {"width": 1.5}},
            meta=OWN,
            hovertemplate=f"%{{text}}<br>{along} %{{y:.2f}}<extra></extra>",
        )
    figure.update_layout(margin=MARGIN, height=460, legend=LEGEND_BELOW)
    figure.update_xaxes(title=say("generation"), dtick=1)
    figure.update_yaxes(title=along)
    return finished(figure)


def _places(bred: Sequence[Of], value: Callable[[Of], float]) -> Mapping[str, tuple[float, float]]:
    """Those of a generation stand side by side."""
    found: dict[str, tuple[float, float]] = {}
    for generation in sorted({each.generation for each in bred}):
        there = [each for each in bred if each.generation == generation]
        for number, each in enumerate(there):
            aside = 0.3 * number / max(1, len(there) - 1)
            found[each.id] = (generation + aside, value(each))
    return found
