"""Figures of exams."""

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from litho.core.stats import Estimate
from litho.jobs.exam.result import KindScore, PairScore
from litho.show.figures.base import LEGEND_BELOW, MARGIN, Figure, finished, label
from litho.show.say import say

# Readable on white and on black.
SILENT, SPOKEN, SHORTCUT, CHANCE = "#3b82d6", "#1f9d6b", "#e0561b", "#8a8f98"
_OWN = "own"  # what the page leaves in the colours that are given here
_LOWER = 0.26  # of a row, by which what is spoken stands below what is not


def kinds_figure(
    tests: Mapping[str, KindScore],
    shortcuts: Mapping[str, Mapping[str, Estimate]],
    names: Mapping[str, str],
) -> Figure:
    """A row a kind: right answers with their intervals, chance, and what shortcuts get."""
    kinds = [kind for kind in names if kind in tests and tests[kind].n]
    rows = {kind: len(kinds) - 1 - i for i, kind in enumerate(kinds)}
    figure = go.Figure()
    guessed = {kind: tests[kind].chance for kind in kinds}
    marker = {"symbol": "line-ns-open", "size": 16, "color": CHANCE, "line": {"width": 2}}
    figure.add_scatter(
        x=list(guessed.values()),
        y=[rows[kind] for kind in guessed],
        mode="markers",
        name=say("chance"),
        marker=marker,
        meta=_OWN,
        hovertemplate=f"{say('chance')} %{{x:.2f}}<extra></extra>",
    )
    taken = [
        (name, rows[kind], estimate.value)
        for name, by_kind in shortcuts.items()
        for kind, estimate in by_kind.items()
        if kind in rows and estimate.value is not None
    ]
    if taken:
        figure.add_scatter(
            x=[value for _, _, value in taken],
            y=[row - _LOWER / 2 for _, row, _ in taken],
            text=[label(say(name.replace("_", " "))) for name, _, _ in taken],
            mode="markers",
            name=say("shortcuts"),
            marker={"symbol": "x-thin-open", "size": 7, "color": SHORTCUT, "line": {"width": 1.5}},
            meta=_OWN,
            hovertemplate="%{text}: %{x:.2f}<extra></extra>",
        )
    silent = {float(rows[kind]): tests[kind].accuracy for kind in kinds}
    spoken = {rows[kind] - _LOWER: s.accuracy for kind in kinds if (s := tests[kind].spoken)}
    _add(figure, say("answered at once"), silent, SILENT, "circle")
    if spoken:
        _add(figure, say("behind what it wrote itself"), spoken, SPOKEN, "diamond")
    figure.update_layout(
        margin=MARGIN | {"l": 180, "t": 12, "b": 80},
        height=150 + 38 * len(kinds),
        legend=LEGEND_BELOW | {"y": -2.4 / (len(kinds) + 1)},
    )
    figure.update_xaxes(title=say("share of right answers"), range=[-0.03, 1.03])
    figure.update_yaxes(
        tickvals=list(rows.values()),
        ticktext=[label(say(names[kind])) for kind in rows],
        range=[-0.7, len(kinds) - 0.4],
        showgrid=False,
        zeroline=False,
    )
    return finished(figure)


def _add(
    figure: go.Figure, name: str, found: Mapping[float, Estimate], colour: str, symbol: str
) -> None:
    known = {y: e for y, e in found.items() if e.value is not None}
    above = [(e.ci[1] - e.value if e.ci else 0.0) for e in known.values() if e.value is not None]
    below = [(e.value - e.ci[0] if e.ci else 0.0) for e in known.values() if e.value is not None]
    figure.add_scatter(
        x=[e.value for e in known.values()],
        y=list(known),
        mode="markers",
        name=name,
        marker={"symbol": symbol, "size": 10, "color": colour},
        error_x={"array": above, "arrayminus": below, "color": colour, "thickness": 2, "width": 4},
        meta=_OWN,
        hovertemplate="%{x:.2f}<extra></extra>",
    )


def pairs_figure(pairs: Sequence[PairScore], spoken: bool) -> Figure:
    """From which section to which: right answers to the hardest questions that were asked there."""
    hardest = {(p.first, p.second): p for p in sorted(pairs, key=lambda pair: pair.kind)}
    firsts = sorted({first for first, _ in hardest})
    seconds = sorted({second for _, second in hardest})
    values: list[list[float | None]] = []
    said: list[list[str]] = []
    for first in firsts:
        row = [hardest.get((first, second)) for second in seconds]
        shown = [(p.spoken if spoken and p.spoken else p.silent) if p else None for p in row]
        values.append([e.value if e else None for e in shown])
        said.append(
            [
                f"{p.kind.removeprefix('two_hop_')}<br>{e.value:.2f}"
                if p and e and e.value is not None
                else ""
                for p, e in zip(row, shown, strict=True)
            ]
        )
    figure = go.Figure(
        go.Heatmap(
            z=values,
            x=[label(second) for second in seconds],
            y=[label(first) for first in firsts],
            text=said,
            texttemplate="%{text}",
            colorscale=[[0, "#f3efe6"], [0.1, "#f3efe6"], [1, SPOKEN if spoken else SILENT]],
            zmin=0,
            zmax=1,
            showscale=False,
            xgap=3,
            ygap=3,
            textfont={"size": 11, "color": "#1d2126"},
            hovertemplate=f"%{{y}}, {say('then')} %{{x}}: %{{z:.2f}}<extra></extra>",
        )
    )
    figure.update_layout(
        margin=MARGIN | {"l": 130, "t": 12, "b": 130}, height=170 + 44 * len(firsts)
    )
    figure.update_xaxes(
        type="category", showgrid=False, title=say("second fact from"), tickangle=-45
    )
    figure.update_yaxes(type="category", showgrid=False, autorange="reversed")
    return finished(figure)
