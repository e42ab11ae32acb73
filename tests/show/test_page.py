"""The page of a report: its size, its policy, and what becomes of hostile text."""

import gzip
import json
import re
from base64 import b64decode, b64encode
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from markupsafe import escape
from plotly.offline import get_plotlyjs
from safetensors.numpy import save_file

from litho.core.runs import RunDirectory
from litho.core.stats import MeanAndMax
from litho.jobs.diff.result import (
    DiffLayer,
    DiffOnset,
    DiffResult,
    HeadDivergence,
    JudgedEffect,
)
from litho.show.page import _say
from litho.show.report import write_report
from litho.show.say import speaking
from tests.show.runs import HOSTILE

LAYERS, HEADS, TOKENS, EDGES, ALTERNATIVES = 30, 9, 2500, 8, 5


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of a `diff` of 2,500 tokens in 30 layers, made of numbers that hardly compress."""
    path = tmp_path_factory.mktemp("run")
    run, chance = RunDirectory(path), np.random.default_rng(0)
    words = [
        f" {''.join(chr(97 + i) for i in word)}" for word in chance.integers(26, size=(999, 6))
    ]
    rows: list[dict[str, Any]] = []
    for _ in range(TOKENS):
        row: dict[str, Any] = {"text": str(chance.choice(words)), "kl": chance.random()}
        for ending in ("_before", "_after"):
            picked = zip(
                chance.choice(words, ALTERNATIVES), chance.random(ALTERNATIVES), strict=True
            )
            row |= {
                f"surprise{ending}": chance.exponential(3),
                f"rank{ending}": int(chance.integers(1, 5000)),
                f"alternatives{ending}": [{"word": str(w), "probability": p} for w, p in picked],
            }
        rows.append(row | {"reverse_kl": chance.random()})
    run.write_rows("tokens.parquet", rows)
    edges = [
        {
            "token": token,
            "source": int(chance.integers(0, token + 1)),
            "layer": int(chance.integers(LAYERS)),
            "head": int(chance.integers(HEADS)),
            "share": chance.random(),
            "state": state,
        }
        for state in ("before", "after")
        for token in range(TOKENS)
        for _ in range(EDGES)
    ]
    run.write_rows("edges.parquet", edges)
    shift = chance.lognormal(size=(LAYERS, TOKENS)).astype(np.float32)
    save_file({"relative_LT": shift}, run.path / "maps.safetensors")
    run.write_json("metrics.json", _result(path, chance).model_dump())
    config = {"nulls": 16, "null_tokens": 128}
    states = {"before": {"name": "a"}, "after": {"name": "b"}}
    run.write_yaml(
        "manifest.yaml", {"command": "diff", "text_name": "t.md", "config": config} | states
    )
    return write_report(run)


def _result(path: Path, chance: np.random.Generator) -> DiffResult:
    moved = MeanAndMax(mean=0.1, max=1.0)
    effect = JudgedEffect(
        name="overconfidence", statistic=0.5, null=(-0.1, 0.1), p=0.001, found=True, meaning="Why."
    )
    return DiffResult(
        run=str(path),
        tokens=TOKENS,
        kl=moved,
        reverse_kl=moved,
        onset=DiffOnset(layer=3, p=0.001),
        layers=tuple(
            DiffLayer(
                layer=i,
                relative_norm=chance.random(),
                cosine=chance.random(),
                cka=chance.random(),
                rank_before=chance.random(),
                rank_after=chance.random(),
                own_effect=chance.random(),
                null=(0.1, 0.2),
                p=0.5,
            )
            for i in range(LAYERS)
        ),
        heads=tuple(
            HeadDivergence(layer=i, head=h, js=chance.random())
            for i in range(LAYERS)
            for h in range(HEADS)
        ),
        effects=(effect,),
    )


def unpacked(page: str, name: str) -> str:
    """What the script of a page unpacks."""
    (packed,) = re.findall(rf'id="packed-{name}">([^<]*)</script>', page)
    return gzip.decompress(b64decode(packed)).decode()


def test_a_report_of_a_long_text_is_small(report: Path) -> None:
    assert report.stat().st_size < 4e6
    page = report.read_text()
    tokens = json.loads(unpacked(page, "data"))["tokens"]
    assert len(tokens["text"]) == TOKENS and set(tokens["states"]) == {"before", "after"}
    assert "<b>overconfidence</b>: Why." in page


def test_only_the_scripts_that_the_policy_names_can_run(report: Path) -> None:
    page = report.read_text()
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', page)
    (allowed,) = re.findall(r"script-src ([^;]*)", policy)
    (script,) = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    plotly = unpacked(page, "plotly")
    assert plotly == get_plotlyjs()
    hashes = [b64encode(sha256(code.encode()).digest()).decode() for code in (script, plotly)]
    assert allowed.split() == [f"'sha256-{code}'" for code in hashes]
    assert "default-src 'none'" in policy and "unsafe-eval" not in policy


@pytest.mark.parametrize("language", ["en", "ru"])
def test_names_that_stand_in_a_run_are_words(language: str) -> None:
    with speaking(language):
        assert _say(HOSTILE) == escape(HOSTILE) and _say("{x} & y") == "{x} &amp; y"
        assert "<small>" in _say("–<small>not measurable</small>")
