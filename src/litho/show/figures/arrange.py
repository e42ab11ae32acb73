"""Figures of an evolution of documents: sequences, amounts, and what was predicted of them."""

import math
from collections import Counter
from collections.abc import Sequence

import plotly.graph_objects as go

from litho.jobs.arrange.result import Arranged
from litho.show.figures.base import (
    LEGEND_BELOW,
    MARGIN,
    Figure,
    finished,
    label,
    shortened,
    whole_step,
)
from litho.show.figures.evolve import BRED, CHANCE, OWN, tree_figure
from litho.show.say import say

_ROW, _FRAME = 22, 130  # pixels of a row, and of what is around them
_LEAST, _MOST = 330, 1400  # pixels of all
_NAMED = 55  # rows that have a name, at most


def family_figure(family: Sequence[Arranged]) -> Figure:
    """Sequences by generation and rise."""
    return tree_figure(
        family,
        lambda each: each.rise.mean,
        say("sequence (larger: tried with more seeds)"),
        say("rise in the search, nats per target token"),
    )


def sequence_figure(best: Sequence[str], given: Sequence[str], documents: Sequence[str]) -> Figure:
    """Which document is read at which step: a square for the best, a ring for the order given."""
    figure = go.Figure()
    drawn = (
        (say("order given"), given, {"symbol": "circle-open", "color": CHANCE, "size": 9}),
        (say("best"), best, {"symbol": "square", "color": BRED, "size": 11}),
    )
    for name, sequence, marker in drawn:
        figure.add_scatter(
            x=list(range(1, len(sequence) + 1)),
            y=[label(each) for each in sequence],
            mode="markers",
            marker=marker,
            name=name,
            meta=OWN,
            hovertemplate=f"{say('step')} %{{x}}: %{{y}}<extra></extra>",
        )
    figure.update_xaxes(title=say("step"), range=[0, len(best) + 1], tickformat="d")
    return _by_document(figure, documents)


def amounts_figure(best: Sequence[str], given: Sequence[str], documents: Sequence[str]) -> Figure:
    """How often each document is read."""
    figure = go.Figure()
    for name, sequence, colour in (
        (say("order given"), given, CHANCE),
        (say("best"), best, BRED),
    ):
        read = Counter(sequence)
        figure.add_bar(
            x=[read[each] for each in documents],
            y=[label(each) for each in documents],
            orientation="h",
            name=name,
            marker={"color": colour},
            meta=OWN,
            hovertemplate="%{y}: %{x}<extra></extra>",
        )
    most = max(*Counter(best).values(), *Counter(given).values())
    figure.update_layout(bargap=0.3)
    figure.update_xaxes(title=say("readings"), tickformat="d", dtick=whole_step(most))
    return _by_document(figure, documents)


def filter_figure(family: Sequence[Arranged]) -> Figure:
    """What was predicted of each sequence, and what was measured."""
    figure = go.Figure()
    for name, search, colour in (
        (say("tried in the evolution"), "evolution", BRED),
        (say("by chance"), "random", CHANCE),
    ):
        some = [each for each in family if each.search == search]
        if some:
            figure.add_scatter(
                x=[each.predicted for each in some],
                y=[each.rise.mean for each in some],
                text=[label(each.id) for each in some],
                mode="markers",
                marker={"size": 8, "color": colour},
                name=name,
                meta=OWN,
                hovertemplate="%{text}<br>%{x:.3f}, %{y:.3f}<extra></extra>",
            )
    figure.update_layout(margin=MARGIN, height=400, legend=LEGEND_BELOW)
    figure.update_xaxes(title=say("predicted, nats"))
    figure.update_yaxes(title=say("measured, nats"))
    return finished(figure)


def _by_document(figure: go.Figure, documents: Sequence[str]) -> Figure:
    """Rows are documents, the first of the file at the top."""
    height = max(_LEAST, min(_MOST, _FRAME + _ROW * len(documents)))
    legend = {"orientation": "h", "y": 1, "yanchor": "bottom", "x": 0}
    figure.update_layout(margin=MARGIN | {"l": 130}, height=height, legend=legend)
    named = documents[:: math.ceil(len(documents) / _NAMED)]
    figure.update_yaxes(
        type="category",  # ids that look like numbers are names, too
        categoryorder="array",
        categoryarray=[label(each) for each in documents],
        range=[len(documents) - 0.5, -0.5],
        tickvals=[label(each) for each in named],
        ticktext=[label(shortened(each)) for each in named],
    )
    return finished(figure)
