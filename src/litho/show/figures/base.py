"""What all figures share: they are Plotly's JSON, and the page gives them their colours."""

import json
from collections.abc import Iterable
from html import escape
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from litho.show.say import say

MARGIN = {"l": 56, "r": 12, "t": 40, "b": 48}
LEGEND_BELOW = {"orientation": "h", "y": -0.28}
FEWEST_TICKS = 3  # of a colour bar
LONGEST_NAME = 17  # letters of a name that stands beside a row
Figure = dict[str, Any]  # open: the format is Plotly's


def label(text: str) -> str:
    """A text that Plotly draws as it is: its labels take some HTML, links among it."""
    return escape(text, quote=False)


def shortened(name: str) -> str:
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…"


def finished(figure: go.Figure) -> Figure:
    """The figure as JSON without the default template, which would fix its colours."""
    figure.update_layout(template="none")
    return json.loads(figure.to_json())


def line(x: list[float], y: list[float], title: str, along: str) -> go.Figure:
    """One measured quantity along another."""
    figure = go.Figure(go.Scatter(x=x, y=y, mode="lines+markers", line={"width": 2}, name=title))
    figure.update_layout(title=title, margin=MARGIN, height=330)
    figure.update_xaxes(title=along)
    return figure


def say_if_empty(figure: go.Figure, values: Iterable[float | None]) -> None:
    """Say so in the place of empty axes if none of the values could be measured."""
    if any(value is not None for value in values):
        return
    figure.add_annotation(
        text=say("not measurable"), xref="paper", yref="paper", x=0.5, y=0.5, showarrow=False
    )
    figure.update_layout(showlegend=False)
    figure.update_xaxes(visible=False)
    figure.update_yaxes(visible=False)


def heat(values: NDArray[np.floating], name: str, x: str, y: str) -> go.Figure:
    """A heat map, rows from the bottom up; names are ours, never those of texts or models."""
    figure = go.Figure(
        go.Heatmap(
            z=values.tolist(),
            colorscale="Inferno",
            zmin=0,
            zmax=float(np.nanmax(values)),
            colorbar={"title": {"text": name, "side": "right"}, "thickness": 10},
            hovertemplate=f"{y} %{{y}}, {x} %{{x}}: %{{z:.4g}}<extra></extra>",
        )
    )
    figure.update_layout(margin=MARGIN | {"t": 12, "r": 4}, height=420)
    figure.update_xaxes(title=x, showgrid=False, tickformat="d", dtick=whole_step(values.shape[1]))
    figure.update_yaxes(title=y, showgrid=False, tickformat="d", dtick=whole_step(values.shape[0]))
    return figure


def logarithmic_heat(values: NDArray[np.floating], name: str, x: str, y: str) -> go.Figure:
    """A heat map with logarithmic colours; what lies far out does not stretch them."""
    values = np.asarray(values, float)
    shown = np.log10(np.maximum(values, max(values.max() * 1e-6, 1e-30)))
    low, high = np.quantile(shown, (0.02, 0.995)).round(2).tolist()
    ticks = [k + step for k in range(-30, 6) for step in (0, 0.5) if low <= k + step <= high]
    if len(ticks) < FEWEST_TICKS:  # a narrow range: there, round numbers are few
        ticks = np.linspace(low, high, FEWEST_TICKS).tolist()
    figure = heat(shown.round(2), say("{name} (log scale)", name=name), x, y)
    colorbar = {"tickvals": ticks, "ticktext": [f"{float(f'{10**t:.2g}'):g}" for t in ticks]}
    figure.update_traces(zmin=low, zmax=high, colorbar=colorbar)
    return figure


def whole_step(count: int) -> int | None:
    """Between ticks: one where Plotly would put some between whole numbers, else its own choice."""
    return 1 if count < 8 else None
