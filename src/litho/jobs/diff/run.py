"""What training changed: one text in two states of a model, with the layer where change begins."""

from collections.abc import Sequence
from typing import Any

import torch
from pydantic import TypeAdapter
from safetensors.torch import load_file, save_file
from torch import Tensor

from litho.core.errors import LithoError
from litho.core.files import whole_file
from litho.core.reporter import Reporter
from litho.core.runs import RunDirectory
from litho.core.stats import MeanAndMax
from litho.jobs.cost import Cost
from litho.jobs.diff import registry
from litho.jobs.diff.aligned import compare_unlike, unlike_notices
from litho.jobs.diff.config import DiffSpec
from litho.jobs.diff.cost import diff_cost
from litho.jobs.diff.judge import ChangeJudgement, judge_change, unrelated_rows
from litho.jobs.diff.pair import Change, Unlike, described, notices, open_pair
from litho.jobs.diff.record import record
from litho.jobs.diff.result import AlignedResult, DiffResult, UnseenText
from litho.jobs.diff.summary import summary
from litho.jobs.models import Models
from litho.jobs.runner import Checked, Context, Job
from litho.measure.inside.difference import Difference, compare
from litho.measure.inside.effects import DETECTORS
from litho.measure.inside.geometry import mean_of_finite
from litho.measure.inside.response import token_readings
from litho.measure.inside.states import read_state
from litho.measure.readability import reading_notices
from litho.measure.scenes import check_text, split_scenes
from litho.measure.tables import edge_rows, token_row
from litho.model.placement import HOST
from litho.model.watch.attention import unwatched_notice
from litho.text import markup

# Shapes: L layers, H heads, T tokens.
JUDGEMENT = TypeAdapter(ChangeJudgement)  # as a stage of the run keeps it


def check(spec: DiffSpec, models: Models) -> Checked:
    """Raises LithoError if the states cannot be compared, or a text cannot be used with them."""
    registry.opened(registry.registry_path()).check_writable()
    pair = open_pair(spec.before, spec.after, models, spec.text)
    names = spec.names or (spec.before, spec.after)
    manifest: dict[str, Any] = {
        "text_name": spec.text_name,
        "before": described(spec.before, names[0], pair.before),
        "after": described(spec.after, names[1], pair.after),
    }
    if isinstance(pair, Unlike):
        _check_unlike(spec, pair)
        said = unlike_notices(spec, pair)
        return Checked(manifest=manifest, notices=[*markup.marks_notice(spec.text), *said])
    scenes = _checked_scenes(pair, spec)
    others = {"unseen": spec.unseen, "unrelated": spec.unrelated}
    manifest |= {key: other.described() for key, other in others.items() if other}
    manifest["detectors"] = [name for name, _ in DETECTORS.items()]
    said = [
        *notices(spec.before, spec.after),
        *markup.marks_notice(spec.text),
        *reading_notices(pair.before.model, spec.text, scenes),
    ]
    return Checked(_cost(pair, spec), manifest, said)


def run_diff(context: Context[DiffSpec]) -> DiffResult | AlignedResult:
    """Read a text in two states, in float32, and judge the difference against chance.

    Models that are built differently are aligned by characters (see `litho.jobs.diff.aligned`).
    """
    run, spec, reporter = context.run, context.spec, context.reporter
    pair = open_pair(spec.before, spec.after, context.models, spec.text)
    if isinstance(pair, Unlike):
        return compare_unlike(run, spec, pair, context.manifest["notices"], reporter)
    scenes = _checked_scenes(pair, spec)
    read = run.once("read.json", lambda: _read(run, pair, scenes, reporter))
    judgement = None
    if pair:
        others = spec.unseen, spec.unrelated

        def judge() -> Any:  # noqa: ANN401  JSON
            judged = judge_change(pair, scenes[0], *others, spec.config, reporter)
            return JUDGEMENT.dump_python(judged, mode="json")

        judgement = JUDGEMENT.validate_python(run.once("judged.json", judge))
    other = None
    if spec.unseen:
        reporter.stage("reading the unseen text")
        other = _on_unseen(pair, spec.unseen.text, judgement)
    return summary(
        str(run.final_path),
        run.read_rows("tokens.parquet"),
        load_file(run.path / "maps.safetensors"),
        read["watched"],
        judgement,
        other,
        [
            *context.manifest["notices"],
            *unwatched_notice(pair.before.model, len(read["watched"])),
        ],
    )


def _read(
    run: RunDirectory, change: Change, scenes: Sequence[str], reporter: Reporter
) -> dict[str, Any]:
    """Read the text in both states; what was found goes into tables and maps."""
    reporter.stage("reading the text in both states", len(scenes))
    differences, rows = _read_scenes(change, scenes, reporter)
    run.write_rows("tokens.parquet", rows)
    run.write_rows("edges.parquet", _edges(differences))
    with whole_file(run.path / "maps.safetensors") as path:
        save_file(_joined(differences), path)
    return {"watched": sorted(differences[0].heads)}


def _check_unlike(spec: DiffSpec, pair: Unlike) -> None:
    if spec.unseen or spec.unrelated or spec.config.behaviour:
        before, after = spec.names or (spec.before, spec.after)
        raise LithoError(
            f"{before} and {after} are built differently or have other tokenizers: they are "
            "compared without --unseen, --unrelated and --behaviour"
        )
    for state in (pair.before, pair.after):
        check_text(state.model, spec.text)


def _checked_scenes(change: Change, spec: DiffSpec) -> list[str]:
    """The scenes of the text. Unusable texts are refused before the work, not in its middle."""
    model = change.before.model
    others = [other.text for other in (spec.unseen, spec.unrelated) if other]
    for content in (spec.text, *others):
        check_text(model, content)
    if spec.unrelated:
        unrelated_rows(model, spec.unrelated, spec.config)
    return split_scenes(model, spec.text)


def _cost(change: Change, spec: DiffSpec) -> Cost:
    model = change.before.model
    models = 1 if model is change.after.model else 2
    tokens = len(model.tokens(spec.text))
    return diff_cost(model, models, tokens, spec.config, spec.unrelated is not None)


def _read_scenes(
    change: Change, scenes: Sequence[str], reporter: Reporter
) -> tuple[list[Difference], list[dict[str, Any]]]:
    differences: list[Difference] = []
    rows: list[dict[str, Any]] = []
    for number, scene in enumerate(scenes, 1):
        compared, scene_rows = _compare(change, scene)
        differences.append(compared)
        rows += scene_rows
        reporter.advance(number)
    return differences, rows


def _compare(change: Change, text: str) -> tuple[Difference, list[dict[str, Any]]]:
    """Difference on one scene and its tokens; the readings, which are large, are dropped."""
    model = change.before.model
    difference = compare(read_state(change.before, model.encode(text)), change.after)
    readings = (token_readings(model, text, each) for each in (difference.before, difference.after))
    kls = zip(difference.kl_T.tolist(), difference.reverse_kl_T.tolist(), strict=True)
    rows = [
        token_row(before, "_before")
        | token_row(after, "_after")
        | {"kl": kl, "reverse_kl": reverse_kl}
        for before, after, (kl, reverse_kl) in zip(*readings, kls, strict=True)
    ]
    return difference, rows


def _on_unseen(change: Change, unseen: str, judgement: ChangeJudgement | None) -> UnseenText:
    """How far the change reaches on a text that training never saw."""
    scenes = split_scenes(change.before.model, unseen)
    kl_T = torch.cat([_compare(change, scene)[0].kl_T for scene in scenes])
    moved = MeanAndMax(mean=kl_T.mean().item(), max=kl_T.max().item())
    heads = judgement.heads if judgement else None
    return UnseenText(tokens=len(kl_T), kl=moved, heads=heads)


def _joined(differences: Sequence[Difference]) -> dict[str, Tensor]:
    """Maps of all scenes beside each other."""
    tensors = {
        "relative_LT": torch.cat([d.relative_LT for d in differences], 1),
        "cosine_LT": torch.cat([d.cosine_LT for d in differences], 1),
    }
    js = [d.js_LHT for d in differences if d.js_LHT is not None]
    if js:
        tensors["js_LHT"] = torch.cat(js, 2)
    # Of a text in several scenes, the mean over scenes, each weighted by its tokens.
    weights_S = torch.tensor([len(d.kl_T) for d in differences], dtype=torch.float64, device=HOST)
    for name in ("cka_L", "rank_before_L", "rank_after_L"):
        values_SL = torch.stack([getattr(d, name) for d in differences]).to(HOST)
        tensors[name] = mean_of_finite(values_SL, weights_S)
    return {name: tensor.contiguous().cpu() for name, tensor in tensors.items()}


def _edges(differences: Sequence[Difference]) -> list[dict[str, Any]]:
    """Strongest edges in both states."""
    before = (({i: h.before for i, h in d.heads.items()}, len(d.kl_T)) for d in differences)
    after = (({i: h.after for i, h in d.heads.items()}, len(d.kl_T)) for d in differences)
    opening = differences[0].opening
    return edge_rows(before, opening, state="before") + edge_rows(after, opening, state="after")


JOB = Job("diff", DiffSpec, check, run_diff, done=lambda run, result: record(run))
