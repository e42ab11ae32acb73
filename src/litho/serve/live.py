"""A school while it is trained, as the page of its job draws it."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from litho.core.errors import LithoError
from litho.core.runs import PARTIAL
from litho.jobs.school.result import LIVE, Live, probed
from litho.serve.run_files import json_in

ALL = "all"  # what is said of all books together
POINTS = 200  # of a line, at most
LATEST = 8  # events that are told
Point = tuple[float, float]


def stamp_of(run: Path) -> int:
    """Changes with what is known of a school; 0 where there is nothing."""
    try:
        return _file(run).stat().st_mtime_ns
    except OSError:
        return 0


def school_at(run: Path) -> dict[str, Any] | None:
    """How far the school of an unfinished run is; None where nothing is known of one."""
    try:
        live = Live(**json_in(_file(run)))
    except (LithoError, TypeError, ValueError):
        return None
    losses = [(row["subject"] or ALL, row["tokens"], row["loss"]) for row in live.losses]
    means = ((name, each.tokens, probed(each, name)) for each in live.probes for name in each.bpb)
    probes = [(name, tokens, mean) for name, tokens, mean in means if mean is not None]
    return {
        "left": live.left,
        "stages": [stage.model_dump() for stage in live.stages],
        "loss": _lines(each for each in losses if each[0] == ALL),
        "books": _lines(each for each in losses if each[0] != ALL),
        "probes": _lines(probes),
        "pace": _pace(live),
        "alarms": _latest(live, alarms=True),
        "events": _latest(live, alarms=False),
    }


def _file(run: Path) -> Path:
    return run.with_name(run.name + PARTIAL) / LIVE


def _lines(points: Iterable[tuple[str, float, float]]) -> list[tuple[str, list[Point]]]:
    """Lines by their names, each thinned evenly to what can be seen, its last point kept."""
    lines: dict[str, list[Point]] = {}
    for name, x, y in points:
        lines.setdefault(name, []).append((x, y))
    return [(name, _thinned(line)) for name, line in lines.items()]


def _thinned(line: list[Point]) -> list[Point]:
    every = -(-len(line) // POINTS)
    return line[::-1][::every][::-1]


def _pace(live: Live) -> dict[str, Any] | None:
    """What keeps a stage from ending early; None without pacing."""
    from litho.show.pages.school_live import pace

    if not live.pacing:
        return None
    now = pace(live) if live.probes else None
    return {
        "stage": live.probes[-1].stage if live.probes else live.stages[0].id,
        "least": live.pacing.advance.slope_bpb,
        "patience": live.pacing.advance.patience,
        "fall": now.fall if now else None,
        "slow": now.slow if now else 0,
    }


def _latest(live: Live, *, alarms: bool) -> list[dict[str, Any]]:
    """What happened to the curriculum, the latest first."""
    found = [event for event in live.events if (event.action == "alarm") is alarms]
    return [event.model_dump() for event in found[: -LATEST - 1 : -1]]
