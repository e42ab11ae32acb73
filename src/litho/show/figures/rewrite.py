"""Figures of a rewriting: right answers round by round, in each arm."""

from collections.abc import Callable, Mapping

import plotly.graph_objects as go

from litho.jobs.rewrite.result import KindScore, RewriteResult
from litho.show.figures.base import LEGEND_BELOW, MARGIN, Figure, finished, label
from litho.show.say import say

Tests = Mapping[str, KindScore]


def remembered_figure(result: RewriteResult) -> Figure:
    """Facts that books tell, asked for in other words."""
    return _rounds(result, lambda tests: tests["paraphrase"].accuracy.value)


def bridged_figure(result: RewriteResult) -> Figure:
    """All questions over two facts, aloud."""
    return _rounds(result, over_two_facts)


def over_two_facts(tests: Tests) -> float | None:
    """Right answers to all questions over bridges, behind what the model wrote itself."""
    found = [
        (score.n, score.spoken.accuracy.value or 0.0)
        for score in tests.values()
        if score.n and score.spoken
    ]
    asked = sum(n for n, _ in found)
    return sum(n * right for n, right in found) / asked if asked else None


def _rounds(result: RewriteResult, right: Callable[[Tests], float | None]) -> Figure:
    """A line an arm, from the school's own exam on."""
    figure = go.Figure()
    for arm in result.arms.values():
        exams = [result.before, *(each.exam.tests for each in arm.rounds if each.exam)]
        figure.add_scatter(
            x=list(range(len(exams))),
            y=[right(tests) for tests in exams],
            name=label(arm.arm),
            mode="lines+markers",
        )
    figure.update_layout(margin=MARGIN, height=360, legend=LEGEND_BELOW)
    figure.update_xaxes(title=say("round (0: the school)"), dtick=1)
    figure.update_yaxes(title=say("right"), rangemode="tozero")
    return finished(figure)
