"""The figure of the layer from which on a change is more than chance."""

from collections.abc import Sequence

import plotly.graph_objects as go

from litho.jobs.diff.result import DiffLayer
from litho.show.figures.base import MARGIN, Figure, finished, whole_step
from litho.show.say import say


def onset_figure(layers: Sequence[DiffLayer], begins: int | None) -> Figure:
    """Own effect of each layer over the band of random updates of the same size."""
    places = [layer.layer for layer in layers]
    figure = go.Figure()
    if bands := [layer.null for layer in layers if layer.null]:
        low, high = zip(*bands, strict=True)
        edge = {"mode": "lines", "line": {"width": 0}}
        figure.add_scatter(x=places, y=low, showlegend=False, **edge)
        figure.add_scatter(
            x=places,
            y=high,
            **edge,
            fill="tonexty",
            fillcolor="rgba(128,128,128,0.3)",
            name=say("random updates of the same size (95 %)"),
        )
        figure.add_scatter(
            x=places,
            y=[layer.own_effect or None for layer in layers],
            mode="lines+markers",
            line={"width": 2},
            name=say("what the block itself does differently"),
            meta="run",
        )
    if controls := [layer.control for layer in layers if layer.control]:
        figure.add_scatter(
            x=places,
            y=[high for _, high in controls],
            mode="lines",
            line={"width": 1, "dash": "dash"},
            name=say("training on the unrelated text reaches up to (95 %)"),
            meta="faint",
        )
    figure.add_scatter(
        x=places,
        y=[layer.relative_norm or None for layer in layers],
        mode="lines",
        line={"width": 2, "dash": "dot"},
        name=say("difference accumulated so far"),
        meta="control",
    )
    if begins is not None:
        figure.add_vline(
            x=begins,
            line={"dash": "dash"},
            annotation_text=say("onset: layer {layer}", layer=begins),
        )
    legend = {"orientation": "h", "y": -0.22}
    figure.update_layout(margin=MARGIN | {"l": 72}, height=380, legend=legend)
    figure.update_xaxes(title=say("layer"), dtick=whole_step(len(layers)))
    figure.update_yaxes(title=say("relative change"), type="log", exponentformat="power")
    return finished(figure)
