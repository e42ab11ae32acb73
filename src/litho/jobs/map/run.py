"""Runs of `litho map`: the response map of one state."""

from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from litho.core.errors import LithoError
from litho.core.files import whole_file
from litho.core.reporter import Reporter
from litho.jobs.map.config import MapSpec
from litho.jobs.map.result import MapResult
from litho.jobs.map.summary import HEAD_STATISTICS, summary
from litho.jobs.models import Models
from litho.jobs.runner import Checked, Context, Job
from litho.measure.inside.response import ResponseMap, response_map
from litho.measure.readability import reading_notices
from litho.measure.scenes import check_text, split_scenes
from litho.measure.tables import edge_rows, token_row
from litho.model.adapters import files, saved
from litho.model.state import State
from litho.model.watch.attention import unwatched_notice
from litho.model.watch.gradients import gradient_norms
from litho.text import markup


def check(spec: MapSpec, models: Models) -> Checked:
    """Raises LithoError if the text gives the model nothing to predict, or there is no adapter."""
    notices: list[str] = []
    if spec.adapter:
        files.rank(Path(spec.adapter))
        notices = files.notices(Path(spec.adapter))
    model = models.load(spec.model)
    check_text(model, spec.text)
    notices += markup.marks_notice(spec.text)
    notices += reading_notices(model, spec.text, split_scenes(model, spec.text))
    return Checked(None, {"text_name": spec.text_name, "adapter": spec.adapter}, notices)


def run_map(context: Context[MapSpec]) -> MapResult:
    """Response map of one state, the base model or one with an adapter, in float32."""
    run, spec, reporter = context.run, context.spec, context.reporter
    model = context.models.load(spec.model)
    if spec.adapter:
        saved.load(model, "adapter", Path(spec.adapter))
    state = State(model, ("adapter",) if spec.adapter else ())
    scenes = split_scenes(model, spec.text)
    pulls: dict[str, Tensor] = {}
    if spec.gradients:  # first, since not every model has them
        reporter.stage("computing gradients", len(scenes))
        pulls["gradient_LT"] = _gradients(state, scenes, reporter)
    reporter.stage("reading the text", len(scenes))
    maps = []
    for number, scene in enumerate(scenes, 1):
        maps.append(response_map(state, scene))
        reporter.advance(number)
    rows = [token_row(token) for each in maps for token in each.tokens]
    run.write_rows("tokens.parquet", rows)
    offset = len(model.start)
    run.write_rows("edges.parquet", _edges(maps, offset))
    tensors = {key: _joined(maps, key, offset) for key in ("norm_LT", "change_LT", "cosine_LT")}
    tensors |= pulls
    attention = _attention(maps, offset)
    with whole_file(run.path / "maps.safetensors") as path:
        save_file(tensors | attention, path)
    notices = [*context.manifest["notices"], *unwatched_notice(model, len(maps[0].attention))]
    watched = sorted(maps[0].attention)
    return summary(str(run.final_path), rows, tensors, attention, watched, notices)


def _joined(maps: list[ResponseMap], key: str, offset: int) -> Tensor:
    """A layer x token map of all scenes, the opening token of each left out."""
    return torch.cat([getattr(each, key)[:, offset:] for each in maps], dim=1).contiguous()


def _gradients(state: State, scenes: Sequence[str], reporter: Reporter) -> Tensor:
    """Norms of the gradient of each scene's loss, layer x token, the opening tokens left out."""
    norms = []
    with state.active() as model:
        for number, scene in enumerate(scenes, 1):
            norms_LT = gradient_norms(model, model.encode(scene))
            if norms_LT is None:
                raise LithoError(
                    f"{model.source.name} does more to its logits than its output head (soft caps, "
                    "scales), for which Litho has no gradients: leave --gradients out"
                )
            norms.append(norms_LT[:, len(model.start) :])
            reporter.advance(number)
    return torch.cat(norms, dim=1).contiguous()


def _attention(maps: list[ResponseMap], offset: int) -> dict[str, Tensor]:
    """Layer x head x token maps of all scenes; nothing where attention could not be watched."""
    layers = sorted(maps[0].attention)
    if not layers:
        return {}
    return {
        key: torch.cat(
            [
                torch.stack([getattr(each.attention[i], key)[:, offset:] for i in layers])
                for each in maps
            ],
            dim=2,
        ).contiguous()
        for key in HEAD_STATISTICS
    }


def _edges(maps: list[ResponseMap], offset: int) -> list[dict[str, object]]:
    scenes = (
        ({i: heads.strongest for i, heads in each.attention.items()}, len(each.tokens))
        for each in maps
    )
    return edge_rows(scenes, offset)


JOB = Job("map", MapSpec, check, run_map)
