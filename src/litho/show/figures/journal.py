"""The figure of a journal: losses of the hardest spans along the stages."""

from collections.abc import Sequence

import plotly.graph_objects as go

from litho.jobs.journal.result import HardSpan
from litho.show.figures.base import LEGEND_BELOW, MARGIN, Figure, finished, label
from litho.show.say import say

MOST = 10  # lines
_SHOWN = 60  # characters of a span in the legend


def spans_figure(hardest: Sequence[HardSpan], stages: Sequence[str]) -> Figure:
    """A line a span; the stage that reads it is marked."""
    figure = go.Figure()
    for hard in hardest[:MOST]:
        span = hard.span
        text = span.text if len(span.text) <= _SHOWN else span.text[:_SHOWN] + "…"
        read = [stage == span.stage for stage in stages]
        figure.add_scatter(
            x=[label(stage) for stage in stages],
            y=list(span.losses),
            name=label(text),
            mode="lines+markers",
            marker={
                "size": [12 if here else 6 for here in read],
                "symbol": ["diamond" if here else "circle" for here in read],
            },
        )
    figure.update_layout(margin=MARGIN, height=520, legend=LEGEND_BELOW)
    figure.update_xaxes(title=say("at the end of the stage (diamond: the stage that reads it)"))
    figure.update_yaxes(title=say("nats per token"), rangemode="tozero")
    return finished(figure)
