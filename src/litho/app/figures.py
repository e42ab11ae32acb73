"""Plotly figures as JSON; the page draws them and gives them its colours."""

import json
from html import escape
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

# Shapes: L layers, T tokens.
_MARGIN = {"l": 56, "r": 12, "t": 40, "b": 48}
Figure = dict[str, Any]


def curve_figure(
    curves: dict[str, list[dict[str, float | None]]],
    title: str,
    key: str,
    logarithmic: bool = False,
    limit: float | None = None,
) -> Figure:
    """A measured quantity along the presentations, one line an arm."""
    figure = go.Figure()
    for arm, checks in curves.items():
        figure.add_scatter(
            x=[check["presentations"] for check in checks],
            y=[check[key] for check in checks],
            name="this run" if arm == "imprint" else f"control: {arm}",
            mode="lines+markers",
            line={"dash": "solid" if arm == "imprint" else "dot", "width": 2},
            meta="run" if arm == "imprint" else "control",
        )
    if limit is not None:
        figure.add_hline(y=limit, line={"dash": "dash"}, annotation_text="budget")
    figure.update_layout(
        title=title, margin=_MARGIN, height=330, legend={"orientation": "h", "y": -0.28}
    )
    figure.update_xaxes(title="presentations")
    if logarithmic:
        figure.update_yaxes(type="log", exponentformat="power", dtick=1)
    return _json(figure)


def heat_map(values_LT: NDArray[np.floating], tokens: list[str], name: str) -> Figure:
    """Layers by tokens, logarithmic colours; hovering names the token."""
    values = np.asarray(values_LT, float)
    shown = np.log10(np.maximum(values, 1e-6))
    layers, count = values.shape
    figure = go.Figure(
        go.Heatmap(
            z=np.round(shown, 3).tolist(),
            customdata=[[escape(json.dumps(t, ensure_ascii=False)) for t in tokens]] * layers,
            x=list(range(count)),
            y=list(range(layers)),
            colorscale="Inferno",
            zmin=float(np.quantile(shown, 0.02)),
            zmax=float(np.quantile(shown, 0.995)),
            colorbar={"title": {"text": f"log10 {name}", "side": "right"}, "thickness": 10},
            hovertemplate="token %{x}: %{customdata}<br>layer %{y}<br>"
            f"log10 {name} %{{z:.2f}}<extra></extra>",
        )
    )
    figure.update_layout(margin=_MARGIN | {"t": 12, "r": 4}, height=420)
    figure.update_xaxes(title="token", showgrid=False)
    figure.update_yaxes(title="layer (output of block)", showgrid=False)
    return _json(figure)


def layer_figure(layers: list[dict[str, float]]) -> Figure:
    """Mean relative change of each layer."""
    figure = go.Figure(
        go.Scatter(
            x=[layer["layer"] for layer in layers],
            y=[layer["relative_change"] for layer in layers],
            mode="lines+markers",
            line={"width": 2},
            name="relative change",
        )
    )
    figure.update_layout(title="mean relative change", margin=_MARGIN, height=330)
    figure.update_xaxes(title="layer")
    figure.update_yaxes(type="log", exponentformat="power")
    return _json(figure)


def onset_figure(layers: list[dict[str, Any]], begins: int | None) -> Figure:
    """Own effect of each layer over the band of random updates of the same size."""
    places = [layer["layer"] for layer in layers]
    figure = go.Figure()
    if "null" in layers[0]:
        low, high = zip(*(layer["null"] for layer in layers), strict=True)
        edge = {"mode": "lines", "line": {"width": 0}}
        figure.add_scatter(x=places, y=low, showlegend=False, **edge)
        figure.add_scatter(
            x=places,
            y=high,
            **edge,
            fill="tonexty",
            fillcolor="rgba(128,128,128,0.3)",
            name="random updates of the same size (95 %)",
        )
        figure.add_scatter(
            x=places,
            y=[layer["own_effect"] or None for layer in layers],
            mode="lines+markers",
            line={"width": 2},
            name="what the block itself does differently",
            meta="run",
        )
    figure.add_scatter(
        x=places,
        y=[layer["relative_norm"] or None for layer in layers],
        mode="lines",
        line={"width": 2, "dash": "dot"},
        name="difference accumulated so far",
        meta="control",
    )
    if begins is not None:
        figure.add_vline(x=begins, line={"dash": "dash"}, annotation_text=f"onset: layer {begins}")
    figure.update_layout(margin=_MARGIN, height=380, legend={"orientation": "h", "y": -0.22})
    figure.update_xaxes(title="layer")
    figure.update_yaxes(title="relative change", type="log", exponentformat="power")
    return _json(figure)


def head_grid(heads: list[dict[str, Any]], key: str, title: str) -> Figure:
    """A number of every head, layers by heads."""
    depth = max(head["layer"] for head in heads) + 1
    width = max(head["head"] for head in heads) + 1
    values = np.zeros((depth, width))
    for head in heads:
        values[head["layer"], head["head"]] = head[key]
    figure = go.Figure(
        go.Heatmap(
            z=values.tolist(),
            colorscale="Inferno",
            zmin=0,
            colorbar={"title": {"text": title, "side": "right"}, "thickness": 10},
            hovertemplate="layer %{y}, head %{x}: %{z:.4g}<extra></extra>",
        )
    )
    figure.update_layout(margin=_MARGIN | {"t": 12, "r": 4}, height=420)
    figure.update_xaxes(title="head", showgrid=False, dtick=1)
    figure.update_yaxes(title="layer", showgrid=False)
    return _json(figure)


def _json(figure: go.Figure) -> Figure:
    """The figure as JSON without the default template, which would fix its colours."""
    figure.update_layout(template="none")
    return json.loads(figure.to_json())
