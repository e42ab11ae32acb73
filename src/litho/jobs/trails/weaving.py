"""The map of interwoven trails: which forms flow through the same heads."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from litho.core.reporter import Reporter
from litho.core.runs import RunDirectory
from litho.jobs.trails.config import CaptureSpec, PrintSpec, TrailsSpec
from litho.jobs.trails.pairs import PairPlan, Planned
from litho.jobs.trails.result import TrailMap
from litho.measure.trails.weaving import check_woven, likeness, woven
from litho.model.loaded import LanguageModel
from litho.model.state import State


def map_of(
    run: RunDirectory, spec: CaptureSpec | PrintSpec, state: State, reporter: Reporter
) -> TrailMap | None:
    """The map in a state, made once in a run; none where the heads cannot be watched."""

    def read() -> dict[str, Any] | None:
        return _read(state, _pairs(spec, state.model, spec.config.map_pairs), reporter)

    found = run.once("map.json", read)
    return TrailMap(**found) if found else None


def _pairs(spec: TrailsSpec, model: LanguageModel, count: int) -> list[Planned]:
    """Twice so many pairs of each form, with new words."""
    plan = PairPlan(spec.library, model, f"{spec.library_name} map")
    return [
        planned
        for form in spec.library.forms
        for planned in plan.cell(form, "G" if form.held_out else "F", 2 * count)
    ]


def _read(state: State, planned: Sequence[Planned], reporter: Reporter) -> dict[str, Any] | None:
    """`TrailMap` as JSON; None where nothing is asked, or the heads cannot be watched."""
    if not planned:
        return None
    reporter.stage("mapping the trails", len(planned))
    read: dict[str, list[list[Tensor]]] = {}
    with state.active() as model:
        if why := check_woven(model, planned[0].asked):
            reporter.note(f"there is no map of the trails: {why}")
            return None
        for number, each in enumerate(planned):
            halves = read.setdefault(each.pair.form, [[], []])
            halves[number % 2].append(woven(model, each.pair, each.asked))
            reporter.advance(number + 1)
    means = [[torch.stack(half).mean(0) for half in halves] for halves in read.values()]
    found = likeness([(first, second) for first, second in means])
    return TrailMap(forms=tuple(read), likeness=found).model_dump()
