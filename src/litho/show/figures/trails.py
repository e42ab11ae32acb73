"""Figures of trails."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from scipy.cluster.hierarchy import leaves_list, linkage

from litho.jobs.imprint.history import Check
from litho.jobs.trails.result import Cell, DepthResult, FormResult, TrailMap
from litho.show.figures.base import LEGEND_BELOW, MARGIN, Figure, finished, label
from litho.show.say import say, to_say

CELL_NAMES: dict[Cell, str] = to_say(
    {
        "M": "trained words",
        "F": "new words",
        "W": "new wording",
        "G": "held-out forms",
        "N": "near-misses",
        "B": "all trails as neighbours",
    }
)
# Readable on white and on black.
CELL_COLOURS: dict[Cell, str] = {
    "M": "#8a8f98",
    "F": "#3b82d6",
    "W": "#1f9d6b",
    "G": "#b06ad4",
    "N": "#e0561b",
    "B": "#b8860b",
}
_OWN = "own"  # what the page leaves in the colours that are given here


def cell_curves(checks: Sequence[Check]) -> Figure:
    """D of each cell along the steps."""
    figure = go.Figure()
    for cell, name in CELL_NAMES.items():
        if any(cell in check.cells for check in checks):
            figure.add_scatter(
                x=[check.presentations for check in checks],
                y=[check.cells.get(cell) for check in checks],
                name=say(name),
                mode="lines+markers",
                line={
                    "width": 2,
                    "dash": "dot" if cell == "N" else "solid",
                    "color": CELL_COLOURS[cell],
                },
                meta=_OWN,
            )
    figure.add_hline(y=0, line={"dash": "dash", "width": 1})
    figure.update_layout(title=say("D, nats"), margin=MARGIN, height=360, legend=LEGEND_BELOW)
    figure.update_xaxes(title=say("steps"))
    return finished(figure)


def attention_curve(checks: Sequence[Check]) -> Figure:
    """How much attention prefers the rule that applies, along the steps."""
    figure = go.Figure()
    figure.add_scatter(
        x=[check.presentations for check in checks],
        y=[check.attention for check in checks],
        mode="lines+markers",
        line={"width": 2},
    )
    figure.add_hline(y=0, line={"dash": "dash", "width": 1})
    title = say("attention on the rule that applies (0: chance, 1: on it alone)")
    figure.update_layout(title=title, margin=MARGIN, height=300)
    figure.update_xaxes(title=say("steps"))
    return finished(figure)


def drift_curve(checks: Sequence[Check], budget: float) -> Figure:
    """Drift along the steps, on prose that is not trained on."""
    figure = go.Figure()
    for name, values in to_say(
        (
            ("passages kept out of training", [check.drift_self for check in checks]),
            ("retention text", [check.drift_retention for check in checks]),
        )
    ):
        steps = [check.presentations for check in checks]
        figure.add_scatter(
            x=steps,
            y=values,
            name=say(name),
            mode="lines+markers",
            line={"width": 2},
            meta="run" if name == "retention text" else "control",
        )
    figure.add_hline(y=budget, line={"dash": "dash"}, annotation_text=say("budget"))
    title = say("drift, nats per token")
    figure.update_layout(title=title, margin=MARGIN, height=360, legend=LEGEND_BELOW)
    figure.update_xaxes(title=say("steps"))
    return finished(figure)


def kappa_figure(forms: Sequence[FormResult]) -> Figure:
    """kappa of each form before and after, by cell: a row a form, chance in the middle."""
    names = [label(form.form) for form in forms]
    figure = go.Figure()
    for cell in ("F", "W", "G"):
        shown = [(name, f) for name, f in zip(names, forms, strict=True) if cell in f.kappa]
        for when in ("before", "after"):
            kappas = [f.kappa[cell] if when == "after" else f.kappa_before[cell] for _, f in shown]
            figure.add_scatter(
                x=[kappa.value for kappa in kappas],
                y=[name for name, _ in shown],
                mode="markers",
                name=f"{say(CELL_NAMES[cell])}, {say(when)}",
                marker={
                    "symbol": "circle" if when == "after" else "circle-open",
                    "size": 9,
                    "color": CELL_COLOURS[cell],
                },
                meta=_OWN,
            )
    figure.add_vline(x=0, line={"dash": "dash", "width": 1})
    figure.update_layout(
        margin=MARGIN | {"l": 120}, height=160 + 24 * len(names), legend=LEGEND_BELOW
    )
    figure.update_xaxes(title=say("kappa: 0 is chance, 1 always right"), range=[-1.05, 1.05])
    figure.update_yaxes(categoryorder="array", categoryarray=names[::-1])
    return finished(figure)


def depth_figure(depth: DepthResult) -> Figure:
    """Behind chains in a new wording: where attention turns, what decides, what can be said."""
    figure = go.Figure()
    before, after = (depth.curves[state] for state in ("before", "after"))
    attention, turned, said = (CELL_COLOURS[cell] for cell in ("G", "F", "W"))
    drawn = to_say(
        [
            ("attention on the rule that applies", after["W"].routing, "solid", attention),
            ("answers turned by exchanging the place", after["W"].flipped, "solid", turned),
            ("the same behind near-misses", after["N"].flipped, "dot", turned),
            ("kappa, read out at this depth", after["W"].said, "solid", said),
            ("the same before training", before["W"].said, "dash", said),
        ]
    )
    for name, curve, dash, colour in drawn:
        if any(each.value is not None for each in curve):
            figure.add_scatter(
                x=list(range(len(curve))),
                y=[each.value for each in curve],
                name=say(name),
                mode="lines",
                line={"width": 2, "dash": dash, "color": colour},
                meta=_OWN,
            )
    figure.add_hline(y=0, line={"dash": "dash", "width": 1})
    figure.update_layout(margin=MARGIN, height=380, legend=LEGEND_BELOW)
    figure.update_xaxes(title=say("layer"), tickformat="d")
    figure.update_yaxes(range=[-1.05, 1.05])
    return finished(figure)


def map_figure(found: TrailMap) -> Figure:
    """Likeness of all forms, those that are alike beside one another."""
    likeness = np.array(found.likeness)
    order = _alike_together(likeness)
    names = [label(found.forms[i]) for i in order]
    figure = go.Figure(
        go.Heatmap(
            z=likeness[np.ix_(order, order)].round(3).tolist(),
            x=names,
            y=names,
            colorscale="RdBu",
            reversescale=True,
            zmin=-1,
            zmax=1,
            colorbar={"title": {"text": say("likeness"), "side": "right"}, "thickness": 10},
            hovertemplate="%{y}<br>%{x}<br>%{z:.2f}<extra></extra>",
        )
    )
    figure.update_layout(
        margin=MARGIN | {"t": 12, "l": 120, "b": 120}, height=260 + 20 * len(names)
    )
    figure.update_xaxes(type="category", showgrid=False, tickangle=60)
    figure.update_yaxes(type="category", showgrid=False, autorange="reversed")
    return finished(figure)


def _alike_together(likeness: NDArray[np.floating]) -> list[int]:
    """Leaves of an average-linkage tree (scipy), in the order that puts like beside like."""
    count = len(likeness)
    if count < 3:
        return list(range(count))
    far = (1 - likeness)[np.triu_indices(count, 1)].clip(min=0)
    return [int(i) for i in leaves_list(linkage(far, "average", optimal_ordering=True))]
