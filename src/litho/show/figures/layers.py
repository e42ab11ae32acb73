"""Figures of what layers and heads do, token by token or on average."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from litho.jobs.diff.result import HeadDivergence
from litho.jobs.map.result import MapHead, MapLayer
from litho.show.figures.base import (
    LEGEND_BELOW,
    MARGIN,
    Figure,
    finished,
    heat,
    line,
    logarithmic_heat,
    whole_step,
)
from litho.show.say import say

# Shapes: L and M layers, T tokens.


def token_map(values_LT: NDArray[np.floating], name: str) -> Figure:
    """Layers by tokens, logarithmic colours; the page knows the tokens and names them."""
    figure = logarithmic_heat(values_LT, name, say("token"), say("layer (output of block)"))
    figure.update_traces(hoverinfo="none", hovertemplate=None)
    return finished(figure)


def layer_figure(layers: Sequence[MapLayer]) -> Figure:
    """Mean relative change of each layer."""
    places = [float(layer.layer) for layer in layers]
    changes = [layer.relative_change for layer in layers]
    figure = line(places, changes, say("mean relative change"), say("layer"))
    figure.update_xaxes(dtick=whole_step(len(layers)))
    figure.update_yaxes(type="log", exponentformat="power")
    return finished(figure)


def head_grid(heads: Sequence[MapHead | HeadDivergence], key: str, title: str) -> Figure:
    """A number of every head, layers by heads; `key`: its field."""
    depth = max(head.layer for head in heads) + 1
    width = max(head.head for head in heads) + 1
    values = np.zeros((depth, width))
    for head in heads:
        values[head.layer, head.head] = getattr(head, key)
    figure = heat(values, title, say("head"), say("layer"))
    figure.update_xaxes(dtick=1)
    return finished(figure)


def depth_figure(pull: Sequence[float], chosen: Sequence[int]) -> Figure:
    """Share of each layer in the text's own pull, the chosen ones apart."""
    figure = go.Figure()
    for name, colour, layers in (
        (say("chosen"), "run", list(chosen)),
        (say("not chosen"), "faint", [i for i in range(len(pull)) if i not in chosen]),
    ):
        figure.add_bar(x=layers, y=[100 * pull[i] for i in layers], name=name, meta=colour)
    figure.update_layout(
        title=say("share of the text's own pull, %"), margin=MARGIN, height=330, legend=LEGEND_BELOW
    )
    figure.update_xaxes(title=say("layer"), dtick=max(1, len(pull) // 15))
    return finished(figure)


def likeness_figure(cka_LM: NDArray[np.floating]) -> Figure:
    """Linear CKA of every layer of one model with every layer of another."""
    figure = heat(
        cka_LM, say("linear CKA"), say("layer of the model after"), say("layer of the model before")
    )
    figure.update_traces(zmax=1)
    return finished(figure)
