"""The page of a school while it is trained: one file that loads itself anew, without scripts."""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from litho.core.files import whole_file
from litho.core.runs import RunDirectory
from litho.jobs.school.result import LIVE_PAGE, Live, Probe, probed
from litho.show.figures.lines import Line, lines_picture
from litho.show.page import render_plain
from litho.show.say import say

EVERY = 10  # seconds after which the page loads itself again


class Pace(NamedTuple):
    """What keeps a stage from ending early."""

    fall: float | None  # bits per byte since the last probe
    slow: int  # probes in a row at which it was less than asked


def write(run: RunDirectory) -> Path:
    """Write the page of a run that goes on, or say in it that the run is finished."""
    path = run.final_path.with_name(run.final_path.name + LIVE_PAGE)
    if run.has_metrics:
        if not path.is_file():
            return path
        text = render_plain("school_live.html.j2", live=None, name=run.final_path.name)
    else:
        text = page(Live(**run.read_json("live.json")), run.final_path.name)
    with whole_file(path) as half:
        half.write_text(text, encoding="utf-8")
    return path


def page(live: Live, name: str) -> str:
    """The page as HTML; `name`: of the run's folder, which stands beside it."""
    marks = [(row["tokens"], row["stage"]) for row in live.losses if row["subject"] is None]
    ends = list({stage: tokens for tokens, stage in marks}.items())
    stage = live.probes[-1].stage if live.probes else ""
    return render_plain(
        "school_live.html.j2",
        live=live,
        name=name,
        every=EVERY,
        total=sum(each.tokens for each in live.stages),
        losses=lines_picture(_losses(live.losses, whole=True), ends, say("nats per token")),
        by_book=lines_picture(_losses(live.losses, whole=False), ends, say("nats per token")),
        probed=lines_picture(_probed(live.probes), ends, say("bits per byte")),
        pace=pace(live) if live.probes else None,
        stage=stage,
        done=[event for event in live.events if event.action != "alarm"],
        alarms=[event for event in live.events if event.action == "alarm"],
        time=time_words,
    )


def pace(live: Live) -> Pace:
    """How near the stage is to its end by pacing."""
    here = [each for each in live.probes if each.stage == live.probes[-1].stage]
    means = [mean for each in here if (mean := probed(each, each.stage)) is not None]
    falls = [a - b for a, b in pairwise(means)]
    least = live.pacing.advance.slope_bpb if live.pacing else 0.0
    slow = next((n for n, fall in enumerate(reversed(falls)) if fall >= least), len(falls))
    return Pace(falls[-1] if falls else None, slow)


def _losses(rows: Sequence[dict[str, Any]], *, whole: bool) -> list[Line]:
    found: dict[str, list[tuple[float, float]]] = {}
    for row in rows:
        if (row["subject"] is None) is whole:
            name = say(row["subject"] or "all")
            found.setdefault(name, []).append((row["tokens"], row["loss"]))
    return [Line(name, points) for name, points in found.items()]


def _probed(probes: Sequence[Probe]) -> list[Line]:
    """Each stage by its books' mean, all along."""
    found: dict[str, list[tuple[float, float]]] = {}
    for probe in probes:
        for stage in probe.bpb:
            mean = probed(probe, stage)
            if mean is not None:
                found.setdefault(stage, []).append((probe.tokens, mean))
    return [Line(name, points) for name, points in found.items()]


def time_words(seconds: float | None) -> str:
    """`about 3 min`."""
    if seconds is None:
        return say("not known yet")
    if seconds >= 90:
        return say("about {minutes} min", minutes=f"{seconds / 60:,.0f}")
    return say("about {seconds} s", seconds=f"{seconds:.0f}")
