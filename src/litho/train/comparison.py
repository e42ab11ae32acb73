"""What training changed: one text in two states of a model, with the layer where change begins."""

import hashlib
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from pydantic import Field
from safetensors.torch import save_file
from torch import Tensor

from litho.core.config import Config
from litho.core.errors import LithoError
from litho.core.runs import RunDirectory, whole_file, whole_or_nothing
from litho.measure import chance
from litho.measure.difference import Difference, compare, own_effects
from litho.measure.effects import DETECTORS, Comparison, Finding, judge
from litho.measure.onset import Onset, onset
from litho.measure.overlap import Overlap, common_heads, judge_overlap
from litho.measure.response import token_readings
from litho.measure.states import State, read_state
from litho.model import adapters
from litho.model.loading import load, locate
from litho.train.inputs import check_text, split_scenes
from litho.train.job import Reporter
from litho.train.proof import edge_rows, token_row

# Shapes: L layers, H heads, T tokens.
NULL_RANK = 8  # of random updates where the change has no rank of its own


class DiffConfig(Config):
    """How the null of a comparison is drawn."""

    nulls: int = Field(16, ge=3)  # random updates of the size of the change
    null_tokens: int = Field(128, ge=8)  # how much of a text they read
    seed: int = 0


@dataclass(frozen=True)
class Unseen:
    """A text that training never saw."""

    text: str
    name: str

    def sha256(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()


@dataclass(frozen=True)
class Judgement:
    """What of a difference is more than chance; nothing where the weights are the same."""

    onset: Onset | None = None
    effects: Sequence[Finding] = ()
    heads: Overlap | None = None  # common to the text and the unseen one


def diff_text(
    text: str,
    name: str,
    before: str,
    after: str,
    out: Path,
    config: DiffConfig,
    reporter: Reporter,
    unseen: Unseen | None = None,
) -> RunDirectory:
    """Read `text` in two states, in float32, and judge the difference against chance.

    `after` is the folder of a LoRA adapter for `before`, or another model of the same shape and
    tokenizer. `unseen` is a text that training never saw: do the same heads change there?
    """
    reporter.stage("loading")
    first, second, norms = _states(before, after)
    for content in (text, *([unseen.text] if unseen else [])):
        check_text(first.model, content)
    scenes = split_scenes(first.model, text)
    with whole_or_nothing(RunDirectory.create(out)) as run:
        reporter.stage("reading the text in both states", len(scenes))
        rows: list[dict[str, Any]] = []
        found: list[Difference] = []
        for number, scene in enumerate(scenes, 1):
            compared, scene_rows = _compare(first, second, scene)
            found.append(compared)
            rows += scene_rows
            reporter.advance(number)
        reporter.stage("comparing with chance", config.nulls if any(norms.values()) else None)
        judgement = Judgement()
        if any(norms.values()):
            judgement = _judge(first, second, norms, scenes[0], unseen, config, reporter)
        tensors = _joined(found)
        run.write_rows("tokens.parquet", rows)
        run.write_rows("edges.parquet", _edges(found))
        with whole_file(run.path / "maps.safetensors") as path:
            save_file(tensors, path)
        manifest = _manifest(first, second, before, after, name, config)
        if unseen:
            manifest["unseen"] = {"name": unseen.name, "sha256": unseen.sha256()}
        run.write_yaml("manifest.yaml", manifest)
        result = _summary(rows, tensors, sorted(found[0].heads), judgement)
        if unseen:
            reporter.stage("reading the unseen text")
            result["unseen"] = _on_unseen(first, second, unseen.text)
            heads = judgement.heads
            result["unseen"]["heads"] = heads.model_dump() if heads else None
        run.write_json("metrics.json", {"run": str(run.final_path)} | result)
    return run


def _states(before: str, after: str) -> tuple[State, State, dict[str, float]]:
    """Both states, and the Frobenius norm of what lies between their weights, by kind of matrix."""
    model = load(locate(before), torch.float32)
    if (Path(after) / "adapter_config.json").is_file():
        chance.prepare(model, adapters.rank(Path(after)))
        adapters.load(model, "after", Path(after))
        adapters.check_unmerged(model, "after")
        return State(model), State(model, "after"), adapters.update_norms(model, "after")
    other = load(locate(after), torch.float32)
    if other.tokenizer.get_vocab() != model.tokenizer.get_vocab():
        raise LithoError(
            f"{before} and {after} have different tokenizers: their tokens cannot be compared "
            "one by one"
        )
    norms = adapters.distances(model, other)
    chance.prepare(model, NULL_RANK)
    return State(model), State(other), norms


def _compare(first: State, second: State, text: str) -> tuple[Difference, list[dict[str, object]]]:
    """Difference on one scene and its tokens; the readings, which are large, are dropped."""
    model = first.model
    base = read_state(first, model.encode(text))
    found = compare(base, second)
    readings = (token_readings(model, text, each) for each in (found.before, found.after))
    kls = zip(found.kl_T.tolist(), found.reverse_kl_T.tolist(), strict=True)
    rows = [
        token_row(before, "_before")
        | token_row(after, "_after")
        | {"kl": kl, "reverse_kl": reverse_kl}
        for before, after, (kl, reverse_kl) in zip(*readings, kls, strict=True)
    ]
    return found, rows


def _on_unseen(first: State, second: State, unseen: str) -> dict[str, Any]:
    """How far the change reaches on a text that training never saw."""
    scenes = split_scenes(first.model, unseen)
    kl = torch.cat([_compare(first, second, scene)[0].kl_T for scene in scenes])
    return {"tokens": len(kl), "kl": {"mean": kl.mean().item(), "max": kl.max().item()}}


def _judge(
    first: State,
    second: State,
    norms: dict[str, float],
    scene: str,
    unseen: Unseen | None,
    config: DiffConfig,
    reporter: Reporter,
) -> Judgement:
    """Onset, effects and common heads against random updates of the same norm."""
    model = first.model
    ids = model.encode(scene)[: config.null_tokens]
    base = read_state(first, ids)
    other = read_state(first, model.encode(unseen.text)[: config.null_tokens]) if unseen else None

    def measured(state: State) -> tuple[list[float], dict[str, float], float | None]:
        here = Comparison(base, read_state(state, ids), model)
        effects_LT = own_effects(base, state)
        common = None
        if other:
            common = common_heads(here, Comparison(other, read_state(state, other.ids), model))
        return effects_LT.double().mean(dim=1).tolist(), here.statistics(), common

    nulls = []
    for number in range(config.nulls):
        seed = random.Random(f"{config.seed} null {number}").getrandbits(48)
        with chance.by_chance(model, norms, seed) as state:
            nulls.append(measured(state))
        reporter.advance(number + 1)
    null_effects, null_statistics, null_common = zip(*nulls, strict=True)
    effects, statistics, common = measured(second)
    same_heads = None
    if common is not None:
        heads = sum(layer.query_HTD.shape[0] for layer in base.attention.values())
        same_heads = judge_overlap(common, null_common, heads)
    return Judgement(onset(effects, null_effects), judge(statistics, null_statistics), same_heads)


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
    weights = torch.tensor([len(d.kl_T) for d in found], dtype=torch.float64)
    for name in ("cka_L", "rank_before_L", "rank_after_L"):
        values = torch.stack([getattr(d, name) for d in found])
        tensors[name] = (weights @ values) / weights.sum()
    return {name: tensor.contiguous().cpu() for name, tensor in tensors.items()}


def _summary(
    rows: list[dict[str, Any]],
    tensors: dict[str, Tensor],
    attentive: Sequence[int],
    judgement: Judgement,
) -> dict[str, Any]:
    begins = judgement.onset
    return {
        "tokens": len(rows),
        "kl": _mean_and_max([row["kl"] for row in rows]),
        "reverse_kl": _mean_and_max([row["reverse_kl"] for row in rows]),
        "onset": {"layer": begins.layer, "p": begins.p} if begins else {"layer": None, "p": 1.0},
        "layers": [_layer(i, tensors, begins) for i in range(len(tensors["relative_LT"]))],
        "heads": _heads(tensors, attentive),
        "effects": [finding.model_dump() for finding in judgement.effects],
    }


def _edges(found: Sequence[Difference]) -> list[dict[str, Any]]:
    """Strongest edges of all scenes in both states, tokens counted through."""
    rows, behind = [], 0
    for scene in found:
        for name in ("before", "after"):
            layers = {i: getattr(heads, name) for i, heads in scene.heads.items()}
            rows += edge_rows(layers, scene.opening, behind, {"state": name})
        behind += len(scene.kl_T)
    return rows


def _mean_and_max(values: Sequence[float]) -> dict[str, float]:
    return {"mean": sum(values) / len(values), "max": max(values)}


def _layer(i: int, tensors: dict[str, Tensor], begins: Onset | None) -> dict[str, Any]:
    cka = tensors["cka_L"][i]
    layer: dict[str, Any] = {
        "layer": i,
        "relative_norm": tensors["relative_LT"][i].mean().item(),
        "cosine": tensors["cosine_LT"][i].mean().item(),
        "cka": cka.item() if cka.isfinite() else None,
        "rank_before": tensors["rank_before_L"][i].item(),
        "rank_after": tensors["rank_after_L"][i].item(),
    }
    if begins:
        layer["own_effect"] = begins.effect_by_layer[i]
        layer["null"] = [begins.null_low[i], begins.null_high[i]]
        layer["p"] = begins.p_by_layer[i]
    return layer


def _heads(tensors: dict[str, Tensor], attentive: Sequence[int]) -> list[dict[str, Any]]:
    if "js_LHT" not in tensors:
        return []
    return [
        {"layer": layer, "head": head, "js": js}
        for layer, js_H in zip(attentive, tensors["js_LHT"].mean(-1).tolist(), strict=True)
        for head, js in enumerate(js_H)
    ]


def _manifest(
    first: State, second: State, before: str, after: str, name: str, config: DiffConfig
) -> dict[str, Any]:
    def described(state: State) -> dict[str, Any]:
        source = state.model.source
        return {"base": source.reference, "revision": source.revision, "sha256": source.sha256()}

    adapter = None
    if second.adapter:
        adapter = {"folder": after, "sha256": adapters.adapter_sha256(Path(after))}
    return {
        "command": "diff",
        "text_name": name,
        "before": {"name": before} | described(first),
        "after": {"name": after, "adapter": adapter} | described(second),
        "config": config.model_dump(),
        "detectors": [detector for detector, _ in DETECTORS.items()],
    }
