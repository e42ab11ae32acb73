"""What training changed: one text in two states of a model, with the layer where change begins."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from litho.core.errors import LithoError
from litho.core.files import whole_file
from litho.core.reporter import Reporter
from litho.core.runs import RunDirectory, whole_or_nothing
from litho.core.stats import MeanAndMax
from litho.jobs.cost import Cost
from litho.jobs.diff.aligned import diff_unlike
from litho.jobs.diff.config import DiffConfig, OtherText
from litho.jobs.diff.cost import diff_cost
from litho.jobs.diff.judge import ChangeJudgement, judge_change, unrelated_rows
from litho.jobs.diff.pair import Change, Unlike, described, open_pair
from litho.jobs.diff.result import UnseenText
from litho.jobs.diff.summary import summary
from litho.measure.inside.difference import Difference, compare
from litho.measure.inside.effects import DETECTORS
from litho.measure.inside.response import token_readings
from litho.measure.inside.states import read_state
from litho.measure.scenes import check_text, split_scenes
from litho.measure.tables import edge_rows, token_row
from litho.model.placement import HOST
from litho.model.watch.attention import unwatched_notice

# Shapes: L layers, H heads, T tokens.


def diff_text(
    text: str,
    name: str,
    before: str,
    after: str,
    out: Path,
    config: DiffConfig,
    reporter: Reporter,
    unseen: OtherText | None = None,
    unrelated: OtherText | None = None,
) -> RunDirectory:
    """Read `text` in two states, in float32, and judge the difference against chance.

    `before` and `after` are models, with or without an adapter (see `litho.jobs.diff.pair`); models
    that are built differently are aligned by characters (see `litho.jobs.diff.aligned`). `unseen`
    is a text that training never saw: do the same heads change there? `unrelated` is one to train
    on, for comparison and to see what of the change it washes out.
    """
    reporter.stage("loading")
    change = open_pair(before, after)
    if isinstance(change, Unlike):
        if unseen or unrelated or config.behaviour:
            raise LithoError(
                f"{before} and {after} are built differently or have other tokenizers: they are "
                "compared without --unseen, --unrelated and --behaviour"
            )
        return diff_unlike(text, name, change, (before, after), out, reporter)
    scenes = _checked_scenes(change, text, unseen, unrelated, config)
    cost = _cost(change, text, config, unrelated)
    with whole_or_nothing(RunDirectory.create(out)) as run:
        reporter.stage(f"reading the text in both states ({cost.described()})", len(scenes))
        found, rows = _read_scenes(change, scenes, reporter)
        judgement = None
        if change:
            judgement = judge_change(change, scenes[0], unseen, unrelated, config, reporter)
        tensors = _joined(found)
        run.write_rows("tokens.parquet", rows)
        run.write_rows("edges.parquet", _edges(found))
        with whole_file(run.path / "maps.safetensors") as path:
            save_file(tensors, path)
        manifest = _manifest(change, before, after, name, config) | {"expected": cost.model_dump()}
        others = {"unseen": unseen, "unrelated": unrelated}
        manifest |= {key: other.described() for key, other in others.items() if other}
        run.write_yaml("manifest.yaml", manifest)
        other = None
        if unseen:
            reporter.stage("reading the unseen text")
            other = _on_unseen(change, unseen.text, judgement)
        notices = unwatched_notice(change.before.model, len(found[0].heads))
        watched = sorted(found[0].heads)
        result = summary(str(run.final_path), rows, tensors, watched, judgement, other, notices)
        run.write_json("metrics.json", result.model_dump())
    return run


def _checked_scenes(
    change: Change,
    text: str,
    unseen: OtherText | None,
    unrelated: OtherText | None,
    config: DiffConfig,
) -> list[str]:
    """The scenes of the text. Unusable texts are refused before the work, not in its middle."""
    model = change.before.model
    for content in (text, *(other.text for other in (unseen, unrelated) if other)):
        check_text(model, content)
    if unrelated:
        unrelated_rows(model, unrelated, config)
    return split_scenes(model, text)


def _cost(change: Change, text: str, config: DiffConfig, unrelated: OtherText | None) -> Cost:
    model = change.before.model
    models = 1 if model is change.after.model else 2
    return diff_cost(model, models, len(model.tokens(text)), config, unrelated is not None)


def _read_scenes(
    change: Change, scenes: Sequence[str], reporter: Reporter
) -> tuple[list[Difference], list[dict[str, Any]]]:
    found: list[Difference] = []
    rows: list[dict[str, Any]] = []
    for number, scene in enumerate(scenes, 1):
        compared, scene_rows = _compare(change, scene)
        found.append(compared)
        rows += scene_rows
        reporter.advance(number)
    return found, rows


def _compare(change: Change, text: str) -> tuple[Difference, list[dict[str, Any]]]:
    """Difference on one scene and its tokens; the readings, which are large, are dropped."""
    model = change.before.model
    found = compare(read_state(change.before, model.encode(text)), change.after)
    readings = (token_readings(model, text, each) for each in (found.before, found.after))
    kls = zip(found.kl_T.tolist(), found.reverse_kl_T.tolist(), strict=True)
    rows = [
        token_row(before, "_before")
        | token_row(after, "_after")
        | {"kl": kl, "reverse_kl": reverse_kl}
        for before, after, (kl, reverse_kl) in zip(*readings, kls, strict=True)
    ]
    return found, rows


def _on_unseen(change: Change, unseen: str, judgement: ChangeJudgement | None) -> UnseenText:
    """How far the change reaches on a text that training never saw."""
    scenes = split_scenes(change.before.model, unseen)
    kl_T = torch.cat([_compare(change, scene)[0].kl_T for scene in scenes])
    moved = MeanAndMax(mean=kl_T.mean().item(), max=kl_T.max().item())
    heads = judgement.heads if judgement else None
    return UnseenText(tokens=len(kl_T), kl=moved, heads=heads)


def _joined(found: Sequence[Difference]) -> dict[str, Tensor]:
    """Maps of all scenes beside each other."""
    tensors = {
        "relative_LT": torch.cat([d.relative_LT for d in found], 1),
        "cosine_LT": torch.cat([d.cosine_LT for d in found], 1),
    }
    js = [d.js_LHT for d in found if d.js_LHT is not None]
    if js:
        tensors["js_LHT"] = torch.cat(js, 2)
    # Of a text in several scenes, the mean over scenes, each weighted by its tokens.
    weights_S = torch.tensor([len(d.kl_T) for d in found], dtype=torch.float64, device=HOST)
    for name in ("cka_L", "rank_before_L", "rank_after_L"):
        values_SL = torch.stack([getattr(d, name) for d in found]).to(HOST)
        tensors[name] = (weights_S @ values_SL) / weights_S.sum()
    return {name: tensor.contiguous().cpu() for name, tensor in tensors.items()}


def _edges(found: Sequence[Difference]) -> list[dict[str, Any]]:
    """Strongest edges in both states."""
    before = (({i: h.before for i, h in d.heads.items()}, len(d.kl_T)) for d in found)
    after = (({i: h.after for i, h in d.heads.items()}, len(d.kl_T)) for d in found)
    opening = found[0].opening
    return edge_rows(before, opening, state="before") + edge_rows(after, opening, state="after")


def _manifest(
    change: Change, before: str, after: str, name: str, config: DiffConfig
) -> dict[str, Any]:
    return {
        "command": "diff",
        "text_name": name,
        "before": described(before, change.before),
        "after": described(after, change.after),
        "config": config.model_dump(),
        "detectors": [detector for detector, _ in DETECTORS.items()],
    }
