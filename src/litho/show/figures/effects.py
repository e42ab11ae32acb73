"""Figures of what texts do to probes, predicted or measured."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from litho.jobs.predict.result import CalibrationRecord, PredictedEffect
from litho.show.figures.base import MARGIN, Figure, finished, label, shortened
from litho.show.say import say

MOST_NAMES = 60  # that stand beside the rows
Effects = Mapping[tuple[str, str], float]  # by text and probe, nats


def effects_figure(effects: Effects, notes: Mapping[tuple[str, str], str] | None = None) -> Figure:
    """Texts by probes, both sorted by their means; red up, blue down.

    A pair without an effect stays empty. `notes`: what else a cell says, in our own words.
    """
    texts, probes = (list(dict.fromkeys(names)) for names in zip(*effects, strict=True))
    values = np.array([[effects.get((t, p), np.nan) for p in probes] for t in texts])
    down = [texts[i] for i in np.argsort(np.nanmean(values, axis=1))]
    along = [probes[i] for i in np.argsort(-np.nanmean(values, axis=0))]
    nats = say("nats")
    limit = max(float(np.nanquantile(np.abs(values), 0.98)), 1e-9)
    figure = go.Figure(
        go.Heatmap(
            z=[[_rounded(effects.get((text, probe))) for probe in along] for text in down],
            x=[label(probe) for probe in along],
            y=[label(text) for text in down],
            customdata=[[(notes or {}).get((t, p), "") for p in along] for t in down],
            colorscale="RdBu",
            reversescale=True,
            zmin=-limit,
            zmax=limit,
            colorbar={"title": {"text": nats, "side": "right"}, "thickness": 10},
            hovertemplate=f"%{{y}}<br>%{{x}}<br>%{{z:.3f}} {nats}%{{customdata}}<extra></extra>",
        )
    )
    every = math.ceil(len(down) / MOST_NAMES)
    named = [i for i in range(len(down)) if i % every == 0]
    figure.update_layout(
        margin=MARGIN | {"t": 12, "r": 4, "l": 120}, height=max(420, 15 * len(named))
    )
    # Ids that look like numbers are names, too.
    figure.update_xaxes(title=say("probe"), type="category", showgrid=False, showticklabels=False)
    figure.update_yaxes(
        type="category",
        showgrid=False,
        tickvals=[label(down[i]) for i in named],
        ticktext=[label(shortened(down[i])) for i in named],
    )
    return finished(figure)


def predicted_figure(rows: Sequence[PredictedEffect]) -> Figure:
    """Predicted effects with their intervals."""
    effects = {(row.text, row.probe): row.delta for row in rows}
    return effects_figure(effects, {(row.text, row.probe): _between(row) for row in rows})


def checked_figure(calibration: CalibrationRecord) -> Figure:
    """What was predicted for texts that were left out, beside what was measured."""
    ends = [bound(predicted for predicted, _, _ in calibration.checked) for bound in (min, max)]
    figure = go.Figure(
        go.Scatter(
            x=ends, y=ends, mode="lines", line={"width": 1, "dash": "dot"}, name=say("equal")
        )
    )
    names = {
        True: say("within the 90 % interval"),
        False: say("outside it"),
        None: say("left out"),
    }
    for held in {inside: None for _, _, inside in calibration.checked}:
        points = [(p, m) for p, m, inside in calibration.checked if inside == held]
        figure.add_scatter(
            x=[p for p, _ in points],
            y=[m for _, m in points],
            mode="markers",
            marker={"size": 5},
            name=names[held],
            opacity=0.6,
        )
    figure.update_layout(margin=MARGIN, height=360)
    figure.update_xaxes(title=say("predicted, nats"))
    figure.update_yaxes(title=say("measured, nats"))
    return finished(figure)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def _between(effect: PredictedEffect) -> str:
    if effect.low is None or effect.high is None:
        return ""
    said = "" if effect.trusted else f", {say('not to be relied on')}"
    between = say("{low} to {high}", low=f"{effect.low:.3f}", high=f"{effect.high:.3f}")
    return f", {between}{said}"
