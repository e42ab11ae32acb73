"""Figures of responses by dose."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import plotly.graph_objects as go

from litho.core.stats import Estimate
from litho.jobs.expose.result import Response
from litho.show.figures.base import (
    LEGEND_BELOW,
    MARGIN,
    Figure,
    finished,
    logarithmic_heat,
)
from litho.show.say import say

UNKNOWN = Estimate(value=None, ci=None, n=0)


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
        estimates = [getattr(response, key) or UNKNOWN for response in own]
        values = [estimate.value for estimate in estimates]
        intervals = [estimate.ci or (estimate.value, estimate.value) for estimate in estimates]
        figure.add_scatter(
            x=[response.dose for response in own],
            y=values,
            error_y={
                "type": "data",
                "symmetric": False,
                "array": [_apart(v, high) for v, (_, high) in zip(values, intervals, strict=True)],
                "arrayminus": [
                    _apart(low, v) for v, (low, _) in zip(values, intervals, strict=True)
                ],
                "thickness": 1,
            },
            mode="lines+markers",
            line={"width": 2, "dash": "solid" if arm == "text" else "dot"},
            name=say("the text") if arm == "text" else say("control: {arm}", arm=say(arm)),
            meta="run" if arm == "text" else "control",
        )
    if alone is not None:
        figure.add_hline(y=alone, line={"dash": "dash"}, annotation_text=say("read alone"))
    figure.update_layout(margin=MARGIN, height=330, legend=LEGEND_BELOW)
    figure.update_xaxes(title=doses, type="log", tickvals=[r.dose for r in responses])
    figure.update_yaxes(title=say("nats per token"))
    return finished(figure)


def _apart(low: float | None, high: float | None) -> float | None:
    return None if low is None or high is None else high - low


def dose_layers(responses: Sequence[Response], doses: str) -> Figure:
    """Relative change of the hidden states by layer and dose, of the text."""
    own = [response for response in responses if response.arm == "text"]
    values = np.array([response.change for response in own])
    figure = logarithmic_heat(values, say("relative change"), say("layer"), doses)
    names = [f"{response.dose:g}" for response in own]
    figure.update_yaxes(tickvals=list(range(len(own))), ticktext=names)
    return finished(figure)
