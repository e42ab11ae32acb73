"""Figures of weak points."""

from collections.abc import Sequence

import plotly.graph_objects as go

from litho.core.stats import Estimate
from litho.jobs.exam.result import LayerFlow, Saved
from litho.show.figures.base import LEGEND_BELOW, MARGIN, Figure, finished, whole_step
from litho.show.say import say


def flow_figure(flow: Sequence[LayerFlow]) -> Figure:
    """By how much the answer turns at each layer, and where it should not."""
    figure = go.Figure()
    layers = [float(each.layer) for each in flow]
    _add(figure, say("word of the later survey"), layers, [each.turned for each in flow], "run")
    _add(figure, say("word of the first survey"), layers, [each.control for each in flow], "faint")
    _laid_out(figure, say("change of the logits"), say("blocks read"))
    figure.update_xaxes(dtick=whole_step(len(flow)))
    return finished(figure)


def retention_figure(groups: Sequence[Saved]) -> Figure:
    """Bits saved by a statement, by the tokens between it and the question."""
    figure = go.Figure()
    tokens = [each.tokens for each in groups]
    _add(figure, say("stated of the thing"), tokens, [each.saved for each in groups], "run")
    _add(figure, say("stated of another thing"), tokens, [each.control for each in groups], "faint")
    _laid_out(figure, say("bits saved"), say("tokens of filler in between"))
    return finished(figure)


def _add(
    figure: go.Figure, name: str, x: list[float], found: Sequence[Estimate], colour: str
) -> None:
    known = [(place, e.value, e.ci or (e.value, e.value)) for place, e in zip(x, found, strict=True)
             if e.value is not None]  # fmt: skip
    figure.add_scatter(
        x=[place for place, _, _ in known],
        y=[value for _, value, _ in known],
        mode="lines+markers",
        name=name,
        error_y={
            "array": [high - value for _, value, (_, high) in known],
            "arrayminus": [value - low for _, value, (low, _) in known],
            "width": 4,
        },
        meta=colour,
    )


def _laid_out(figure: go.Figure, y: str, x: str) -> None:
    figure.update_layout(margin=MARGIN | {"t": 12}, height=330, legend=LEGEND_BELOW)
    figure.update_xaxes(title=x)
    figure.update_yaxes(title=y)
