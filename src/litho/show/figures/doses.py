"""Figures of responses by dose."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import plotly.graph_objects as go

from litho.jobs.expose.result import Response
from litho.show.figures.base import (
    LEGEND_BELOW,
    MARGIN,
    Figure,
    finished,
    logarithmic_heat,
)


def dose_figure(
    responses: Sequence[Response],
    key: Literal["surprise", "drift"],
    doses: str,
    alone: float | None,
) -> Figure:
    """A number of each response by dose: the text solid, its control dotted, with intervals."""
    figure = go.Figure()
    for arm in dict.fromkeys(response.arm for response in responses):
        own = [response for response in responses if response.arm == arm]
        estimates = [getattr(response, key) for response in own]
        values = [estimate.value for estimate in estimates]
        lows, highs = zip(*(estimate.ci for estimate in estimates), strict=True)
        figure.add_scatter(
            x=[response.dose for response in own],
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
    figure.update_layout(margin=MARGIN, height=330, legend=LEGEND_BELOW)
    figure.update_xaxes(title=doses, type="log", tickvals=[r.dose for r in responses])
    figure.update_yaxes(title="nats a token")
    return finished(figure)


def dose_layers(responses: Sequence[Response], doses: str) -> Figure:
    """Relative change of the hidden states by layer and dose, of the text."""
    own = [response for response in responses if response.arm == "text"]
    values = np.array([response.change for response in own])
    figure = logarithmic_heat(values, "relative change", "layer", doses)
    names = [f"{response.dose:g}" for response in own]
    figure.update_yaxes(tickvals=list(range(len(own))), ticktext=names)
    return finished(figure)
