"""Figures of a rewriting of printed pages: the imprint round by round, in each arm."""

import plotly.graph_objects as go

from litho.jobs.reprint.result import ReprintResult
from litho.show.figures.base import LEGEND_BELOW, MARGIN, Figure, finished, label
from litho.show.say import say


def imprint_figure(result: ReprintResult, kind: str) -> Figure:
    """The imprint on one kind of questions, from that of the run that was rewritten on."""
    figure = go.Figure()
    for arm in result.arms.values():
        found = [result.before[kind], *(version.tests[kind] for version in arm.rounds)]
        figure.add_scatter(
            x=list(range(len(found))),
            y=[each.value for each in found],
            name=label(arm.arm),
            mode="lines+markers",
        )
    figure.update_layout(margin=MARGIN, height=320, legend=LEGEND_BELOW)
    figure.update_xaxes(title=say("round (0: the imprint)"), dtick=1)
    figure.update_yaxes(title=say("imprint"))
    return finished(figure)
