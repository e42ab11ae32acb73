"""Effects that a comparison judged, put into the registry across runs."""

import hashlib
import json
from datetime import UTC, datetime
from typing import Any

from litho.core.runs import RunDirectory
from litho.jobs.diff import registry
from litho.jobs.diff.registry import Evidence
from litho.jobs.diff.result import DiffResult, JudgedEffect


def record(run: RunDirectory) -> None:
    """Put every effect that a finished `diff` run judged into the registry.

    A run of models built differently judges none.
    """
    effects = run.read_json("metrics.json")["effects"]
    if not effects:
        return
    result = DiffResult(**run.read_json("metrics.json"))
    manifest = run.read_yaml("manifest.yaml")
    text = "".join(row["text"] for row in run.read_rows("tokens.parquet"))
    evidence = [_evidence(effect, result, manifest, text) for effect in result.effects]
    registry.add(registry.opened(registry.registry_path()), evidence)


def _evidence(
    effect: JudgedEffect, result: DiffResult, manifest: dict[str, Any], text: str
) -> Evidence:
    before, after = manifest["before"], manifest["after"]
    recipe = {k: v for k, v in manifest["config"].items() if k != "seed"}
    if "unrelated" in manifest:
        recipe["unrelated"] = manifest["unrelated"]["sha256"]
    return Evidence(
        effect=effect.name,
        found=effect.found,
        statistic=effect.statistic,
        low=effect.null[0],
        high=effect.null[1],
        p=effect.p,
        model=before["name"],
        model_sha=_state_sha(before),
        text=manifest["text_name"],
        text_sha=hashlib.sha256(text.encode()).hexdigest(),
        change=after["name"],
        change_sha=_state_sha(after),
        recipe=json.dumps(recipe, sort_keys=True),
        seed=manifest["config"]["seed"],
        run=result.run,
        made=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def _state_sha(state: dict[str, Any]) -> str:
    """One hash of a model and the adapter on it."""
    adapter = state["adapter"]
    return f"{state['sha256']}+{adapter['sha256']}" if adapter else state["sha256"]
