"""The figure of the ladder up to a text."""

from collections.abc import Sequence

import plotly.graph_objects as go

from litho.jobs.vary.result import SceneRung
from litho.show.figures.base import MARGIN, Figure, finished, label


def ladder_figure(rungs: Sequence[SceneRung]) -> Figure:
    """Surprise that each rung adds, one line a scene."""
    figure = go.Figure()
    for scene in sorted({rung.scene for rung in rungs}):
        own = [rung for rung in rungs if rung.scene == scene]
        figure.add_scatter(
            x=list(range(len(own))),
            y=[rung.max_surprise for rung in own],
            text=[label(" · ".join(rung.brought)) or "the model's own version" for rung in own],
            hovertemplate="%{text}: %{y:.2f} nats<extra></extra>",
            mode="lines+markers",
            line={"width": 2},
            name=f"scene {scene + 1}",
        )
    figure.update_layout(
        title="largest surprise that a step adds, nats",
        margin=MARGIN,
        height=330,
        showlegend=False,
    )
    figure.update_xaxes(title="rung")
    return finished(figure)
