"""Plotly figures as JSON; the page draws them and gives them its colours."""

import json
import math
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from litho.jobs.diff.result import DiffLayer, HeadDivergence
from litho.jobs.expose.result import Response
from litho.jobs.map.result import MapHead, MapLayer
from litho.jobs.predict.result import CalibrationRecord, PredictedEffect
from litho.jobs.vary.result import SceneRung

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
        figure.add_hline(y=limit, line={"dash": "dash"})
        # On a logarithmic axis Plotly places lines by the value and words by its logarithm.
        height = math.log10(limit) if logarithmic else limit
        figure.add_annotation(
            x=1, xref="paper", y=height, text="budget", showarrow=False, yanchor="bottom"
        )
    figure.update_layout(
        title=title, margin=_MARGIN, height=330, legend={"orientation": "h", "y": -0.28}
    )
    figure.update_xaxes(title="presentations")
    if logarithmic:
        figure.update_yaxes(type="log", exponentformat="power", dtick=1)
    return _json(figure)


def heat_map(values_LT: NDArray[np.floating], name: str) -> Figure:
    """Layers by tokens, logarithmic colours; the page knows the tokens and names them."""
    figure = _logarithmic(values_LT, name, "token", "layer (output of block)")
    figure.update_traces(hoverinfo="none", hovertemplate=None)
    return _json(figure)


def layer_figure(layers: Sequence[MapLayer]) -> Figure:
    """Mean relative change of each layer."""
    changes = [layer.relative_change for layer in layers]
    figure = _line([layer.layer for layer in layers], changes, "mean relative change", "layer")
    figure.update_yaxes(type="log", exponentformat="power")
    return _json(figure)


def ladder_figure(rungs: Sequence[SceneRung]) -> Figure:
    """Surprise that each rung adds, one line a scene."""
    figure = go.Figure()
    for scene in sorted({rung.scene for rung in rungs}):
        own = [rung for rung in rungs if rung.scene == scene]
        figure.add_scatter(
            x=list(range(len(own))),
            y=[rung.max_surprise for rung in own],
            text=[" · ".join(rung.brought) or "the model's own version" for rung in own],
            hovertemplate="%{text}: %{y:.2f} nats<extra></extra>",
            mode="lines+markers",
            line={"width": 2},
            name=f"scene {scene + 1}",
        )
    figure.update_layout(
        title="largest surprise that a step adds, nats",
        margin=_MARGIN,
        height=330,
        showlegend=False,
    )
    figure.update_xaxes(title="rung")
    return _json(figure)


def anchor_figure(checks: list[dict[str, Any]]) -> Figure:
    """The anchor along the presentations with its interval."""
    steps = [check["presentations"] for check in checks]
    figure = go.Figure()
    for bound, fill in ((0, None), (1, "tonexty")):
        figure.add_scatter(
            x=steps,
            y=[check["interval"][bound] if check["interval"] else None for check in checks],
            mode="lines",
            line={"width": 1, "dash": "dot"},
            fill=fill,
            hoverinfo="skip",
            showlegend=False,
            meta="faint",
        )
    figure.add_scatter(
        x=steps,
        y=[check["anchor"] for check in checks],
        mode="lines+markers",
        line={"width": 2},
        name="anchor",
    )
    figure.update_layout(title="anchor", margin=_MARGIN, height=330, showlegend=False)
    figure.update_xaxes(title="presentations")
    return _json(figure)


def rhythm_figure(shown: list[str]) -> Figure:
    """Which kind of version was presented when, a row a kind."""
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
    margin = _MARGIN | {"l": 110}
    figure.update_layout(title="rhythm", margin=margin, height=140 + 22 * len(kinds))
    figure.update_xaxes(title="presentation")
    figure.update_yaxes(categoryorder="array", categoryarray=kinds[::-1])
    return _json(figure)


def climb_figure(rungs: list[dict[str, Any]]) -> Figure:
    """Tokens of the text that the ladder had yet to bring in."""
    steps = [rung["presentation"] for rung in rungs]
    left = [rung["left"] for rung in rungs]
    return _json(_line(steps, left, "tokens still to be brought in", "presentation"))


def depth_figure(pull: Sequence[float], chosen: Sequence[int]) -> Figure:
    """Share of each layer in the text's own pull, the chosen ones apart."""
    figure = go.Figure()
    for name, layers in (
        ("chosen", list(chosen)),
        ("not chosen", [i for i in range(len(pull)) if i not in chosen]),
    ):
        figure.add_bar(x=layers, y=[100 * pull[i] for i in layers], name=name)
    figure.update_layout(
        title="share of the text's own pull, %",
        margin=_MARGIN,
        height=330,
        legend={"orientation": "h", "y": -0.28},
    )
    figure.update_xaxes(title="layer", dtick=max(1, len(pull) // 15))
    return _json(figure)


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
            name="random updates of the same size (95 %)",
        )
        figure.add_scatter(
            x=places,
            y=[layer.own_effect or None for layer in layers],
            mode="lines+markers",
            line={"width": 2},
            name="what the block itself does differently",
            meta="run",
        )
    if controls := [layer.control for layer in layers if layer.control]:
        figure.add_scatter(
            x=places,
            y=[high for _, high in controls],
            mode="lines",
            line={"width": 1, "dash": "dash"},
            name="training on the unrelated text reaches up to (95 %)",
            meta="faint",
        )
    figure.add_scatter(
        x=places,
        y=[layer.relative_norm or None for layer in layers],
        mode="lines",
        line={"width": 2, "dash": "dot"},
        name="difference accumulated so far",
        meta="control",
    )
    if begins is not None:
        figure.add_vline(x=begins, line={"dash": "dash"}, annotation_text=f"onset: layer {begins}")
    legend = {"orientation": "h", "y": -0.22}
    figure.update_layout(margin=_MARGIN | {"l": 72}, height=380, legend=legend)
    figure.update_xaxes(title="layer")
    figure.update_yaxes(title="relative change", type="log", exponentformat="power")
    return _json(figure)


def dose_figure(
    responses: Sequence[Response],
    key: Literal["surprise", "drift"],
    doses: str,
    alone: float | None,
) -> Figure:
    """A number of each response by dose: the text solid, its control dotted, with intervals."""
    figure = go.Figure()
    for arm in dict.fromkeys(response.arm for response in responses):
        found = [response for response in responses if response.arm == arm]
        estimates = [getattr(response, key) for response in found]
        values = [estimate.value for estimate in estimates]
        lows, highs = zip(*(estimate.ci for estimate in estimates), strict=True)
        figure.add_scatter(
            x=[response.dose for response in found],
            y=values,
            error_y={
                "type": "data",
                "symmetric": False,
                "array": [high - value for high, value in zip(highs, values, strict=True)],
                "arrayminus": [value - low for low, value in zip(lows, values, strict=True)],
                "thickness": 1,
            },
            mode="lines+markers",
            line={"width": 2, "dash": "solid" if arm == "text" else "dot"},
            name="the text" if arm == "text" else f"control: {arm}",
            meta="run" if arm == "text" else "control",
        )
    if alone is not None:
        figure.add_hline(y=alone, line={"dash": "dash"}, annotation_text="read alone")
    figure.update_layout(margin=_MARGIN, height=330, legend={"orientation": "h", "y": -0.28})
    figure.update_xaxes(title=doses, type="log", tickvals=[r.dose for r in responses])
    figure.update_yaxes(title="nats a token")
    return _json(figure)


def dose_layers(responses: Sequence[Response], doses: str) -> Figure:
    """Relative change of the hidden states by layer and dose, of the text."""
    found = [response for response in responses if response.arm == "text"]
    values = np.array([response.change for response in found])
    figure = _logarithmic(values, "relative change", "layer", doses)
    names = [f"{response.dose:g}" for response in found]
    figure.update_yaxes(tickvals=list(range(len(found))), ticktext=names)
    return _json(figure)


def head_grid(heads: Sequence[MapHead | HeadDivergence], key: str, title: str) -> Figure:
    """A number of every head, layers by heads."""
    depth = max(head.layer for head in heads) + 1
    width = max(head.head for head in heads) + 1
    values = np.zeros((depth, width))
    for head in heads:
        values[head.layer, head.head] = getattr(head, key)
    figure = _heat(values, title, "head", "layer")
    figure.update_xaxes(dtick=1)
    return _json(figure)


def likeness_figure(cka_LM: NDArray[np.floating], before: str, after: str) -> Figure:
    """Linear CKA of every layer of one model with every layer of another."""
    figure = _heat(cka_LM, "linear CKA", f"layer of {after}", f"layer of {before}")
    figure.update_traces(zmax=1)
    return _json(figure)


def effects_figure(rows: Sequence[PredictedEffect], texts: list[str], probes: list[str]) -> Figure:
    """Predicted effects, texts by probes, both sorted by their means; red up, blue down."""
    cells = {(row.text, row.probe): row for row in rows}
    values = np.array([[cells[text, probe].delta for probe in probes] for text in texts])
    down = [texts[i] for i in np.argsort(values.mean(axis=1))]
    along = [probes[i] for i in np.argsort(-values.mean(axis=0))]
    limit = max(float(np.quantile(np.abs(values), 0.98)), 1e-9)
    found = [[cells[text, probe] for probe in along] for text in down]
    figure = go.Figure(
        go.Heatmap(
            z=[[round(cell.delta, 4) for cell in line] for line in found],
            x=along,
            y=down,
            customdata=[[_between(cell) for cell in line] for line in found],
            colorscale="RdBu",
            reversescale=True,
            zmin=-limit,
            zmax=limit,
            colorbar={"title": {"text": "nats", "side": "right"}, "thickness": 10},
            hovertemplate="%{y}<br>%{x}<br>%{z:.3f} nats%{customdata}<extra></extra>",
        )
    )
    figure.update_layout(
        margin=_MARGIN | {"t": 12, "r": 4, "l": 120}, height=max(420, 9 * len(down))
    )
    # Ids that look like numbers are names, too.
    figure.update_xaxes(title="probe", type="category", showgrid=False, showticklabels=False)
    figure.update_yaxes(type="category", showgrid=False)
    return _json(figure)


def checked_figure(calibration: CalibrationRecord) -> Figure:
    """What was predicted for texts that were left out, beside what was measured, and intervals."""
    predicted, measured = zip(*calibration.checked, strict=True)
    ends = np.linspace(min(predicted), max(predicted), 50)
    half = calibration.quantile * (calibration.floor + calibration.slope * np.abs(ends))
    band = go.Scatter(
        x=[*ends, *ends[::-1]],
        y=[*(ends + half), *(ends - half)[::-1]],
        fill="toself",
        mode="none",
        name="90 % interval",
        fillcolor="rgba(120,120,120,0.18)",
        hoverinfo="skip",
    )
    points = go.Scatter(
        x=predicted, y=measured, mode="markers", marker={"size": 5}, name="left out", opacity=0.6
    )
    same = go.Scatter(x=ends, y=ends, mode="lines", line={"width": 1, "dash": "dot"}, name="equal")
    figure = go.Figure([band, same, points])
    figure.update_layout(margin=_MARGIN, height=360)
    figure.update_xaxes(title="predicted, nats")
    figure.update_yaxes(title="measured, nats")
    return _json(figure)


def _between(cell: PredictedEffect) -> str:
    if cell.low is None:
        return ""
    said = "" if cell.trusted else ", not to be relied on"
    return f", {cell.low:.3f} to {cell.high:.3f}{said}"


def _line(x: list[float], y: list[float], title: str, along: str) -> go.Figure:
    """One measured quantity along another."""
    line = go.Scatter(x=x, y=y, mode="lines+markers", line={"width": 2}, name=title)
    figure = go.Figure(line)
    figure.update_layout(title=title, margin=_MARGIN, height=330)
    figure.update_xaxes(title=along)
    return figure


def _logarithmic(values: NDArray[np.floating], name: str, x: str, y: str) -> go.Figure:
    """A heat map with logarithmic colours; what lies far out does not stretch them."""
    values = np.asarray(values, float)
    shown = np.log10(np.maximum(values, max(values.max() * 1e-6, 1e-30)))
    low, high = np.quantile(shown, (0.02, 0.995)).round(2).tolist()
    ticks = [k + step for k in range(-30, 6) for step in (0, 0.5) if low <= k + step <= high]
    figure = _heat(shown.round(2), f"{name} (log scale)", x, y)
    colorbar = {"tickvals": ticks, "ticktext": [f"{float(f'{10**t:.1g}'):g}" for t in ticks]}
    figure.update_traces(zmin=low, zmax=high, colorbar=colorbar)
    return figure


def _heat(values: NDArray[np.floating], name: str, x: str, y: str) -> go.Figure:
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
    figure.update_layout(margin=_MARGIN | {"t": 12, "r": 4}, height=420)
    figure.update_xaxes(title=x, showgrid=False, tickformat="d", dtick=_step(values.shape[1]))
    figure.update_yaxes(title=y, showgrid=False, tickformat="d", dtick=_step(values.shape[0]))
    return figure


def _step(count: int) -> int | None:
    """Between ticks: one where Plotly would put some between whole numbers, else its own choice."""
    return 1 if count < 8 else None


def _json(figure: go.Figure) -> Figure:
    """The figure as JSON without the default template, which would fix its colours."""
    figure.update_layout(template="none")
    return json.loads(figure.to_json())
