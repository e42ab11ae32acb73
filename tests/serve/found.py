"""Runs as they are found in a folder, of which there is only what a page shows."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq


def _run(path: Path, command: str, **metrics: object) -> Path:
    path.mkdir(parents=True)
    (path / "manifest.yaml").write_text(f"command: {command}\n")
    (path / "metrics.json").write_text(json.dumps(metrics))
    return path


def written_family(path: Path) -> Path:
    """An evolution: a genome, a child of it, and one by chance."""
    estimate = {"value": 0.2, "ci": [0.1, 0.3], "n": 2}
    scores = dict.fromkeys(("bridging", "paraphrase", "memorised", "unknown"), estimate)
    entrant = {"id": "g1-0", "role": "best", "search": scores, "fresh": scores}

    def bred(name: str, generation: int, *parents: str, search: str = "evolution") -> object:
        fitness = dict.fromkeys(scores, generation / 10)
        told = {"operators": ["swap"], "changes": ["<b>x</b>"], "seeds": 3, "fitness": fitness}
        rest = {"order_entropy": 1.0, "scene_share": 0.1, "front": False, **told}
        return {"id": name, "search": search, "generation": generation, "parents": parents, **rest}

    family = [bred("w", 0), bred("g1-0", 1, "w"), bred("r", 0, "w", search="random")]
    result: dict[str, Any] = {
        "run": "x", "best": entrant, "genome": "g.yaml", "baselines": {}, "finalists": [],
        "difference": {}, "runs": 3, "reused": 0.5, "family": family, "operators": [],
        "said": "no difference", "seconds": 1.0,
    }  # fmt: skip
    return _run(path, "evolve", **result)


def written_ensemble(path: Path) -> Path:
    """Two texts, two questions, two seeds."""
    rows = [
        {"model": "m", "recipe": 0, "seed": seed, "step": step, "text": text, "probe": probe,
         "delta": seed + step + len(text) / 10}
        for seed in (0, 1) for step in (1, 5) for text in ("a", "<b>") for probe in ("p", "q")
    ]  # fmt: skip
    run = _run(path, "ensemble")
    pq.write_table(pa.Table.from_pylist(rows), run / "effects.parquet")
    return run


def written_live(path: Path, **told: object) -> Path:
    """A school at its first stage."""
    stage = {"id": "a", "tokens": 9, "read": 4, "loss": 1.5, "ended": False}
    losses = [
        {"subject": subject, "tokens": n, "loss": 2.0 - n / 9}
        for n in range(5)
        for subject in (None, "minerals", "beasts")
    ]
    live = {"id": "x", "stages": [stage], "tokens": 4, "seconds": 1.0, "left": 5.0,
            "losses": losses, "pacing": None, "events": [], "probes": [], "gates": []}  # fmt: skip
    half = path.with_name(path.name + ".partial")
    half.mkdir(parents=True)
    (half / "manifest.yaml").write_text("command: school\n")
    (half / "live.json").write_text(json.dumps(live | told))
    return path
