"""The figure of the ladder up to a text."""

from collections.abc import Sequence

import plotly.graph_objects as go

from litho.jobs.vary.result import SceneRung
from litho.show.figures.base import MARGIN, Figure, finished, label
from litho.show.say import say


def ladder_figure(rungs: Sequence[SceneRung]) -> Figure:
    """Surprise that each rung adds, one line a scene."""
    figure = go.Figure()
    for scene in sorted({rung.scene for rung in rungs}):
        own = [rung for rung in rungs if rung.scene == scene]
        figure.add_scatter(
            x=list(range(len(own))),
            y=[rung.max_surprise for rung in own],
            text=[
                label(" · ".join(rung.brought)) or say("the model's own version") for rung in own
            ],
            hovertemplate=f"%{{text}}: %{{y:.2f}} {say('nats')}<extra></extra>",
            mode="lines+markers",
            line={"width": 2},
            name=say("scene {number}", number=scene + 1),
        )
    figure.update_layout(
        title=say("largest surprise that a step adds, nats"),
        margin=MARGIN,
        height=330,
        showlegend=False,
    )
    figure.update_xaxes(title=say("rung"))
    return finished(figure)
