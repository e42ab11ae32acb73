"""How deep in the model a chain is decided, before training and after it."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from litho.core.reporter import Reporter
from litho.core.runs import RunDirectory
from litho.jobs.trails.config import CaptureSpec, PrintSpec, TrailsSpec
from litho.jobs.trails.pairs import PairPlan, Planned
from litho.jobs.trails.result import DepthResult
from litho.measure.trails.depth import (
    Depth,
    DepthCurves,
    causal_layer,
    depth_curves,
    routing_layer,
    verbal_layer,
)
from litho.measure.trails.depth_reading import depth_of
from litho.measure.trails.looking import pointers
from litho.model.loaded import LanguageModel
from litho.model.state import State

Read = Mapping[str, Mapping[str, Sequence[Depth]]]  # by cell and form


def depths_of(
    run: RunDirectory, spec: CaptureSpec | PrintSpec, state: State, name: str, reporter: Reporter
) -> Read:
    """What a few pairs show in a state, layer by layer; read once in a run, kept as `name`."""

    def read() -> dict[str, Any]:
        pairs = _pairs(spec, state.model, spec.config.depth_pairs)
        return _read(state, pairs, reporter)

    return {
        cell: {form: [Depth(**depth) for depth in own] for form, own in forms.items()}
        for cell, forms in run.once(name, read).items()
    }


def _pairs(spec: TrailsSpec, model: LanguageModel, count: int) -> list[Planned]:
    """So many pairs of each trained form in a held-out wording, and in trained ones."""
    plan = PairPlan(spec.library, model, f"{spec.library_name} depth")
    forms = spec.library.trained()
    return [p for form in forms for cell in ("W", "F") for p in plan.cell(form, cell, count)]


def _read(state: State, planned: Sequence[Planned], reporter: Reporter) -> dict[str, Any]:
    """`Read` as JSON: of W the pairs themselves, of F their near-misses (N)."""
    reporter.stage("reading layer by layer", len(planned))
    found: dict[str, dict[str, list[dict[str, Any]]]] = {"W": {}, "N": {}}
    with state.active() as model, torch.no_grad():
        for number, each in enumerate(planned, 1):
            form = each.pair.form
            if each.cell == "W":
                depth = depth_of(model, each.asked, pointers(model, each.pair))
                found["W"].setdefault(form, []).append(depth.model_dump())
            elif len(each.asked.rows) > 2:
                depth = depth_of(model, each.asked, near=True)
                found["N"].setdefault(form, []).append(depth.model_dump())
            reporter.advance(number)
    return found


def depth_result(before: Read, after: Read) -> DepthResult | None:
    """None where no form has a held-out wording."""
    if not after["W"]:
        return None
    states = {"before": before, "after": after}
    curves = {
        name: {c: depth_curves(own) for c, own in read.items()} for name, read in states.items()
    }
    wording, near = curves["after"]["W"], curves["after"]["N"]
    causal, verbal = causal_layer(wording), verbal_layer(wording)
    reasons = _missing(causal, verbal, near)
    return DepthResult(
        curves=curves,
        routing_layer=routing_layer(after["W"]),
        causal_layer=causal,
        verbal_layer=verbal,
        thought=not reasons,
        reasons=tuple(reasons),
    )


def _missing(causal: int | None, verbal: int | None, near: DepthCurves) -> list[str]:
    """What a thought lacks."""
    reasons = []
    if causal is None:
        reasons.append("no layer at which exchanging the answer's place turns half of the answers")
    elif verbal is not None and causal >= verbal:
        reasons.append("the answer can be read out before the place that gives it decides it")
    if (layer := causal_layer(near)) is not None:
        reasons.append(f"near-misses are decided in the same way (layer {layer})")
    return reasons
