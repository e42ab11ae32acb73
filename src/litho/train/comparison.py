"""What training changed: one text in two states of a model, with the layer where change begins."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from litho.core.config import Config
from litho.core.errors import LithoError
from litho.core.runs import RunDirectory, whole_file, whole_or_nothing
from litho.measure import chance
from litho.measure.difference import (
    Difference,
    State,
    StateReading,
    calls_of,
    difference,
    own_effects,
    read_state,
)
from litho.measure.effects import DETECTORS, Comparison, Finding, judge
from litho.measure.onset import Onset, onset
from litho.measure.overlap import overlap
from litho.measure.response import read_tokens
from litho.model import adapters
from litho.model.loading import LanguageModel, load, locate
from litho.train.inputs import check_text, split_scenes
from litho.train.job import Reporter
from litho.train.proof import token_row

# Shapes: L layers, H heads, T tokens.


class DiffConfig(Config):
    """How the null of a comparison is drawn."""

    nulls: int = 16  # random updates of the size of the change
    null_tokens: int = 128  # how much of the text they read
    seed: int = 0


def diff_text(
    text: str,
    name: str,
    before: str,
    after: str,
    out: Path,
    config: DiffConfig,
    reporter: Reporter,
    unseen: str | None = None,
) -> RunDirectory:
    """Read `text` in two states, in float32, and judge the difference against chance.

    `after` is the folder of a LoRA adapter for `before`, or another model of the same shape and
    tokenizer. `unseen` is a text that training never saw: is it the same heads that change there?
    """
    reporter.stage("loading")
    first, second, norm = _states(before, after)
    for content in filter(None, (text, unseen)):
        check_text(first.model, content)
    scenes = split_scenes(first.model, text)
    with whole_or_nothing(RunDirectory.create(out)) as run:
        reporter.stage("reading the text in both states", len(scenes))
        rows: list[dict[str, Any]] = []
        found: list[Difference] = []
        for number, scene in enumerate(scenes, 1):
            old, new = _read_both(first, second, scene)
            found.append(difference(old, new))
            rows += _token_rows(first.model, scene, old, new, found[-1])
            reporter.advance(number)
        reporter.stage("comparing with chance", config.nulls)
        begins, findings = _judge(first, second, norm, scenes[0], config, reporter)
        tensors = _joined(found, len(first.model.start))
        run.write_rows("tokens.parquet", rows)
        with whole_file(run.path / "maps.safetensors") as path:
            save_file(tensors, path)
        run.write_yaml("manifest.yaml", _manifest(first, second, before, after, name, config))
        result = _summary(rows, tensors, begins, findings)
        if unseen:
            reporter.stage("reading the unseen text")
            result["unseen"] = _on_unseen(first, second, unseen, result["heads"])
        run.write_json("metrics.json", {"run": str(run.final_path)} | result)
    return run


def _states(before: str, after: str) -> tuple[State, State, float]:
    """Both states, and the Frobenius norm of what lies between their weights."""
    model = load(locate(before), torch.float32)
    if (Path(after) / "adapter_config.json").is_file():
        chance.prepare(model)
        adapters.load(model, "after", Path(after))
        return State(model), State(model, "after"), adapters.update_norm(model, "after")
    other = load(locate(after), torch.float32)
    if other.tokenizer.get_vocab() != model.tokenizer.get_vocab():
        raise LithoError(
            f"{before} and {after} have different tokenizers: their tokens cannot be compared "
            "one by one"
        )
    norm = adapters.distance(model, other)
    chance.prepare(model)
    return State(model), State(other), norm


def _read_both(first: State, second: State, text: str) -> tuple[StateReading, StateReading]:
    ids = first.model.encode(text)
    return read_state(first, ids), read_state(second, ids)


def _on_unseen(
    first: State, second: State, unseen: str, heads: Sequence[dict[str, Any]]
) -> dict[str, Any]:
    """How far the change reaches on a text that training never saw, and if in the same heads."""
    scenes = split_scenes(first.model, unseen)
    found = [difference(*_read_both(first, second, scene)) for scene in scenes]
    tensors = _joined(found, len(first.model.start))
    kl = torch.cat([d.kl_T[len(first.model.start) :] for d in found])
    result: dict[str, Any] = {
        "tokens": len(kl),
        "kl": {"mean": kl.mean().item(), "max": kl.max().item()},
        "heads": None,
    }
    if heads and kl.max() > 0:
        there = [js for layer in _js_of_heads(tensors) for js in layer]
        here, layers = [h["js"] for h in heads], [h["layer"] for h in heads]
        result["heads"] = overlap(here, there, layers).model_dump()
    return result


def _judge(
    first: State,
    second: State,
    norm: float,
    scene: str,
    config: DiffConfig,
    reporter: Reporter,
) -> tuple[Onset | None, list[Finding]]:
    """Onset and effects against random updates of the same norm; none if nothing has changed."""
    if norm == 0:
        return None, []
    ids = first.model.encode(scene)[: config.null_tokens]
    offset = len(first.model.start)
    calls = calls_of(first, ids)
    base = read_state(first, ids)
    observed = Comparison(base, read_state(second, ids), first.model)
    effects = _by_layer(own_effects(calls, second), offset)
    null_effects, null_comparisons = [], []
    for number in range(config.nulls):
        with chance.by_chance(first.model, norm, config.seed + number) as state:
            null_effects.append(_by_layer(own_effects(calls, state), offset))
            random = Comparison(base, read_state(state, ids), first.model)
            null_comparisons.append(random.statistics())
        reporter.advance(number + 1)
    return onset(effects, null_effects), judge(observed.statistics(), null_comparisons)


def _by_layer(effects_LT: Tensor, offset: int) -> list[float]:
    """Mean over the tokens of the text, without the one that opens every sequence."""
    return effects_LT[:, offset:].double().mean(dim=1).tolist()


def _token_rows(
    model: LanguageModel, scene: str, old: StateReading, new: StateReading, found: Difference
) -> list[dict[str, object]]:
    offset = len(model.start)
    rows = []
    for t, (before, after) in enumerate(
        zip(
            read_tokens(model, scene, old.ids, old.logits_TV),
            read_tokens(model, scene, new.ids, new.logits_TV),
            strict=True,
        )
    ):
        measured = {
            "kl": found.kl_T[t + offset].item(),
            "reverse_kl": found.reverse_kl_T[t + offset].item(),
        }
        rows.append(token_row(before, "_before") | token_row(after, "_after") | measured)
    return rows


def _joined(found: Sequence[Difference], offset: int) -> dict[str, Tensor]:
    """Maps of all scenes beside each other, the opening token of each left out."""
    tensors = {
        "relative_LT": torch.cat([d.relative_LT[:, offset:] for d in found], 1),
        "cosine_LT": torch.cat([d.cosine_LT[:, offset:] for d in found], 1),
    }
    js = [d.js_LHT[..., offset:] for d in found if d.js_LHT is not None]
    if js:
        tensors["js_LHT"] = torch.cat(js, 2)
    # Of a text in several scenes, the mean over scenes, each weighted by its tokens.
    weights = torch.tensor([d.kl_T.shape[0] for d in found], dtype=torch.float64)
    for name in ("cka_L", "rank_before_L", "rank_after_L"):
        values = torch.stack([getattr(d, name) for d in found])
        tensors[name] = (weights @ values) / weights.sum()
    return {name: tensor.contiguous().cpu() for name, tensor in tensors.items()}


def _summary(
    rows: list[dict[str, Any]],
    tensors: dict[str, Tensor],
    begins: Onset | None,
    findings: list[Finding],
) -> dict[str, Any]:
    kl = [row["kl"] for row in rows]
    reverse = [row["reverse_kl"] for row in rows]
    onset_part: dict[str, Any] = {"layer": None, "p": 1.0}
    if begins:
        onset_part = {"layer": begins.layer, "p": begins.p}
    layers = []
    for i, (relative_T, cosine_T) in enumerate(
        zip(tensors["relative_LT"], tensors["cosine_LT"], strict=True)
    ):
        layer: dict[str, Any] = {
            "layer": i,
            "relative_norm": relative_T.mean().item(),
            "cosine": cosine_T.mean().item(),
            "cka": _number(tensors["cka_L"][i]),
            "rank_before": tensors["rank_before_L"][i].item(),
            "rank_after": tensors["rank_after_L"][i].item(),
        }
        if begins:
            layer["own_effect"] = begins.effect_by_layer[i]
            layer["null"] = [begins.null_low[i], begins.null_high[i]]
            layer["p"] = begins.p_by_layer[i]
        layers.append(layer)
    heads = [
        {"layer": i, "head": h, "js": js}
        for i, layer_H in enumerate(_js_of_heads(tensors))
        for h, js in enumerate(layer_H)
    ]
    return {
        "tokens": len(rows),
        "kl": {"mean": sum(kl) / len(kl), "max": max(kl)},
        "reverse_kl": {"mean": sum(reverse) / len(reverse), "max": max(reverse)},
        "onset": onset_part,
        "layers": layers,
        "heads": heads,
        "effects": [finding.model_dump() for finding in findings],
    }


def _js_of_heads(tensors: dict[str, Tensor]) -> list[list[float]]:
    return tensors["js_LHT"].mean(-1).tolist() if "js_LHT" in tensors else []


def _number(value: Tensor) -> float | None:
    return value.item() if value.isfinite() else None


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
