"""Figures of a school: losses along its stages."""

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from litho.show.figures.base import LEGEND_BELOW, MARGIN, Figure, finished, label
from litho.show.say import say

Rows = Sequence[Mapping[str, Any]]


def loss_figure(rows: Rows, stages: Sequence[str]) -> Figure:
    """The loss of everything that was read, with the ends of the stages."""
    figure = go.Figure()
    whole = [row for row in rows if row["subject"] is None]
    _add(figure, whole, say("all"))
    return _staged(figure, whole, stages, say("loss by stage"))


def subject_figure(rows: Rows, stages: Sequence[str]) -> Figure:
    """The loss of each book, of practice and of scenes."""
    figure = go.Figure()
    for name in dict.fromkeys(row["subject"] for row in rows if row["subject"] is not None):
        _add(figure, [row for row in rows if row["subject"] == name], say(name))
    return _staged(figure, rows, stages, say("loss by book"))


def _add(figure: go.Figure, rows: Rows, name: str) -> None:
    figure.add_scatter(
        x=[row["tokens"] for row in rows],
        y=[row["loss"] for row in rows],
        name=label(name),
        mode="lines",
        line={"width": 2},
    )


def _staged(figure: go.Figure, rows: Rows, stages: Sequence[str], title: str) -> Figure:
    begin = 0
    for stage in stages:
        end = max((row["tokens"] for row in rows if row["stage"] == stage), default=begin)
        if begin:
            figure.add_vline(x=begin, line={"dash": "dot", "width": 1})
        figure.add_annotation(
            x=(begin + end) / 2, y=1.02, yref="paper", text=label(stage), showarrow=False
        )
        begin = end
    figure.update_layout(title=title, margin=MARGIN | {"t": 60}, height=420, legend=LEGEND_BELOW)
    figure.update_xaxes(title=say("tokens read"))
    figure.update_yaxes(title=say("nats per token"), rangemode="tozero")
    return finished(figure)
