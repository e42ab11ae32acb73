"""Figures along the presentations of an imprint."""

import math
from collections.abc import Callable, Mapping, Sequence

import plotly.graph_objects as go

from litho.jobs.imprint.history import Check, Step
from litho.jobs.imprint.result import IMPRINT
from litho.show.figures.base import (
    LEGEND_BELOW,
    MARGIN,
    Figure,
    finished,
    label,
    line,
    say_if_empty,
)
from litho.show.say import say


def checks_of(steps: Sequence[Step]) -> list[Check]:
    """What was measured on the way."""
    return [step.check for step in steps if step.check]


def curve_figure(
    curves: Mapping[str, Sequence[Check]],
    title: str,
    value: Callable[[Check], float | None],
    logarithmic: bool = False,
    limit: float | None = None,
) -> Figure:
    """A measured quantity along the presentations, one line an arm."""
    figure = go.Figure()
    for arm, checks in curves.items():
        own = arm == IMPRINT
        figure.add_scatter(
            x=[check.presentations for check in checks],
            y=[value(check) for check in checks],
            name=say("this run") if own else say("control: {arm}", arm=label(say(arm))),
            mode="lines+markers",
            line={"dash": "solid" if own else "dot", "width": 2},
            meta="run" if own else "control",
        )
    if limit is not None:
        figure.add_hline(y=limit, line={"dash": "dash"})
        # On a logarithmic axis Plotly places lines by the value and words by its logarithm.
        height = math.log10(limit) if logarithmic else limit
        figure.add_annotation(
            x=1, xref="paper", y=height, text=say("budget"), showarrow=False, yanchor="bottom"
        )
    figure.update_layout(title=title, margin=MARGIN, height=330, legend=LEGEND_BELOW)
    figure.update_xaxes(title=say("presentations"))
    if logarithmic:
        figure.update_yaxes(type="log", exponentformat="power", dtick=1)
    say_if_empty(figure, [value(check) for checks in curves.values() for check in checks])
    return finished(figure)


def anchor_figure(checks: Sequence[Check]) -> Figure:
    """The anchor along the presentations with its interval."""
    steps = [check.presentations for check in checks]
    intervals = [check.anchor_interval or (None, None) for check in checks]
    figure = go.Figure()
    for bound, fill in ((0, None), (1, "tonexty")):
        figure.add_scatter(
            x=steps,
            y=[interval[bound] for interval in intervals],
            mode="lines",
            line={"width": 1, "dash": "dot"},
            fill=fill,
            hoverinfo="skip",
            showlegend=False,
            meta="faint",
        )
    figure.add_scatter(
        x=steps,
        y=[check.anchor for check in checks],
        mode="lines+markers",
        line={"width": 2},
        name=say("anchor"),
    )
    figure.update_layout(title=say("anchor"), margin=MARGIN, height=330, showlegend=False)
    figure.update_xaxes(title=say("presentations"))
    say_if_empty(figure, [check.anchor for check in checks])
    return finished(figure)


def rhythm_figure(shown: Sequence[str]) -> Figure:
    """Which kind of version was presented when, a row a kind."""
    shown = [label(kind) for kind in shown]
    kinds = list(dict.fromkeys(shown))
    figure = go.Figure(
        go.Scatter(
            x=list(range(1, len(shown) + 1)),
            y=shown,
            mode="markers",
            marker={"symbol": "square", "size": 8},
            hovertemplate="%{x}: %{y}<extra></extra>",
        )
    )
    margin = MARGIN | {"l": 110}
    figure.update_layout(title=say("rhythm"), margin=margin, height=140 + 22 * len(kinds))
    figure.update_xaxes(title=say("presentation"))
    figure.update_yaxes(categoryorder="array", categoryarray=kinds[::-1])
    return finished(figure)


def climb_figure(rungs: Sequence[Step]) -> Figure:
    """Tokens of the text that the ladder had yet to bring in."""
    steps = [float(step.presentations) for step in rungs]
    left = [float(step.left or 0) for step in rungs]
    return finished(line(steps, left, say("tokens still to be brought in"), say("presentation")))
