"""Figures of a comparison of ways of presenting."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from litho.jobs.bench.result import ArmSummary, Trial, TrialMark
from litho.show.figures.base import LEGEND_BELOW, MARGIN, Figure, finished, label
from litho.show.say import say


def arms_figure(arms: Sequence[ArmSummary]) -> Figure:
    """Imprint on rewordings against drift, a point an arm, with intervals."""
    measured = [arm for arm in arms if arm.imprint["gen"].value is not None and arm.drift.value]
    figure = go.Figure()
    for arm in measured:
        gen, drift = arm.imprint["gen"], arm.drift
        figure.add_scatter(
            x=[drift.value],
            y=[gen.value],
            error_x=_bars(drift.value, drift.ci),
            error_y=_bars(gen.value, gen.ci),
            mode="markers",
            marker={"size": 9},
            meta="own",
            name=label(arm.arm),
        )
    figure.update_layout(margin=MARGIN, height=440, legend=LEGEND_BELOW)
    figure.update_xaxes(title=say("drift, nats per token"), type="log", exponentformat="power")
    figure.update_yaxes(title=say("imprint on rewordings"))
    return finished(figure)


def curves_figure(trials: Sequence[Trial]) -> Figure:
    """Imprint on rewordings against drift along the training, one line an arm.

    Each point is the mean over the trials of an arm after as many presentations.
    """
    figure = go.Figure()
    for arm in dict.fromkeys(trial.arm for trial in trials):
        marks = [mark for trial in trials if trial.arm == arm for mark in trial.curve]
        points = [_mean(marks, count) for count in sorted({m.presentations for m in marks})]
        known = [point for point in points if point]
        if not known:
            continue
        drifts, gens, counts = zip(*known, strict=True)
        figure.add_scatter(
            x=drifts,
            y=gens,
            text=[say("after {count} presentations", count=count) for count in counts],
            mode="lines+markers",
            line={"width": 3 if arm == "plan" else 1.5},
            meta="own",
            name=label(arm),
        )
    figure.update_layout(margin=MARGIN, height=440, legend=LEGEND_BELOW)
    figure.update_xaxes(title=say("drift, nats per token"), type="log", exponentformat="power")
    figure.update_yaxes(title=say("imprint on rewordings"))
    return finished(figure)


def _mean(marks: Sequence[TrialMark], count: int) -> tuple[float, float, int] | None:
    """Drift and imprint after `count` presentations; None where nothing was measurable."""
    here = [mark for mark in marks if mark.presentations == count]
    gens = [mark.imprint["gen"] for mark in here if mark.imprint["gen"] is not None]
    drift = float(np.mean([mark.drift for mark in here]))
    return (drift, float(np.mean(gens)), count) if gens and drift > 0 else None


def _bars(value: float | None, ci: tuple[float, float] | None) -> dict[str, object] | None:
    if value is None or ci is None:
        return None
    bars = {"array": [ci[1] - value], "arrayminus": [value - ci[0]]}
    return {"type": "data", "symmetric": False, "thickness": 1, **bars}
