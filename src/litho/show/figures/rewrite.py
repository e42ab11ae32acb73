"""The figure of a rewriting: right answers over bridges, round by round, in each arm."""

import plotly.graph_objects as go

from litho.jobs.rewrite.result import KindScore, RewriteResult
from litho.show.figures.base import LEGEND_BELOW, MARGIN, Figure, finished, label

KIND = "two_hop_L1"  # new questions over pairs of books that are practised


def arms_figure(result: RewriteResult) -> Figure:
    """A line an arm, from the school's own exam on."""
    figure = go.Figure()
    for arm in result.arms.values():
        exams = [result.before, *(each.exam.tests for each in arm.rounds if each.exam)]
        figure.add_scatter(
            x=list(range(len(exams))),
            y=[aloud(tests.get(KIND)) for tests in exams],
            name=label(arm.arm),
            mode="lines+markers",
        )
    figure.update_layout(margin=MARGIN, height=420, legend=LEGEND_BELOW)
    figure.update_xaxes(title="round (0: the school)", dtick=1)
    figure.update_yaxes(title="right, aloud", range=[0, 1])
    return finished(figure)


def aloud(score: KindScore | None) -> float | None:
    """Right answers behind what the model wrote itself; at once where it did not write."""
    if score is None or not score.n:
        return None
    return (score.spoken or score).accuracy.value
