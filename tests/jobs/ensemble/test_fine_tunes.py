"""Ensembles: what they measure, what is refused, killed and gone on with."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import torch
import yaml

from litho.core.errors import LithoError
from litho.jobs.cost import HOUR, Cost
from litho.jobs.ensemble.config import read_plan
from litho.jobs.ensemble.fine_tunes import Ensemble
from litho.jobs.workers import Workers
from litho.learn.recipe import follow
from litho.learn.records import Recipe
from litho.model.loaded import LanguageModel
from tests.builders import TEXT, Silent, attach_for, rows_of

Command = Callable[..., tuple[int, str, str]]


TEXTS = [TEXT, "A goat stood on the bridge of Lund.", "Nobody in Lund had ever seen the sea."]


QUESTIONS = [
    ("The clock was built by", "Marek"),
    ("On the bridge stood a", "goat"),
    ("They had never seen the", "sea"),
    ("The tower is climbed by a", "choir"),
]


def write_plan(folder: Path, **changes: Any) -> Path:  # noqa: ANN401  whatever a plan holds
    texts = [{"id": f"t{i}", "text": text} for i, text in enumerate(TEXTS)]
    asked = [{"id": f"q{i}", "prefix": p, "target": t} for i, (p, t) in enumerate(QUESTIONS)]
    for name, rows in (("texts", texts), ("questions", asked)):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    plan = {
        "texts": "texts.jsonl",
        "probes": "questions.jsonl",
        "models": ["tiny:llama", "tiny:gpt2"],
        "recipes": [{"rank": 2, "steps": 3, "learning_rate": 0.01}],
        "measure_at": [1, 3],
    }
    (folder / "plan.yaml").write_text(yaml.safe_dump(plan | changes))
    return folder / "plan.yaml"


def test_an_ensemble_measures_what_its_runs_do(
    litho: Command, tmp_path: Path, llama: LanguageModel
) -> None:
    plan = write_plan(tmp_path)
    code, out, err = litho("ensemble", str(plan), "--out", "e", "--json")
    assert code == 0, err
    found = json.loads(out)
    assert found["texts"] == 3 and found["probes"] == 4 and found["leaks"] == []
    assert [(row["recipe"], row["step"]) for row in found["agreement"]] == [(0, 1), (0, 3)]
    assert set(found["agreement"][0]["seeds"]) == {"tiny:llama", "tiny:gpt2"}
    matrix = pq.read_table(tmp_path / "e/effects.parquet").to_pylist()
    assert len(matrix) == 2 * 2 * 3 * 2 * 4  # models, seeds, texts, steps, questions
    # One of them by hand, probes scored with plain transformers.
    prefix, target = (llama.encode(part) for part in (QUESTIONS[1][0], " " + QUESTIONS[1][1]))
    ids = prefix + target[len(llama.start) :]

    @torch.no_grad()
    def asked() -> float:
        logp = llama.network(torch.tensor([ids])).logits[0].log_softmax(-1)
        places = range(len(prefix), len(ids))
        return sum(logp[i - 1, ids[i]].item() for i in places) / len(places)

    before = asked()
    recipe = Recipe(rank=2, steps=3, learning_rate=0.01, seed=1)
    attach_for(llama, recipe)
    for _ in follow(llama, "x", recipe, llama.encode(TEXTS[2])):
        pass
    keys = {"model": "tiny:llama", "recipe": 0, "seed": 1, "step": 3, "text": "t2", "probe": "q1"}
    (row,) = [row for row in matrix if keys.items() <= row.items()]
    assert row["delta"] == pytest.approx(asked() - before, abs=1e-5)
    # Again: nothing is left; with one more seed: only that is.
    before_rows = rows_of(tmp_path / "e")
    assert len(before_rows) == 2 * 2 * 3 + 2  # and both models before training
    assert litho("ensemble", str(plan), "--out", "e")[0] == 0
    assert rows_of(tmp_path / "e") == before_rows
    code, out, _ = litho("ensemble", str(plan), "--out", "e", "--set", "seeds=[0, 1, 2]")
    assert code == 0 and "seeds agree" in out
    more = rows_of(tmp_path / "e")
    assert more[: len(before_rows)] == before_rows and len(more) == len(before_rows) + 2 * 3


def test_a_model_is_found_from_the_plans_folder_and_later(
    litho: Command, tmp_path: Path, llama: LanguageModel
) -> None:
    plan = tmp_path / "exp"
    plan.mkdir()
    write_plan(plan, models=["./ft"], seeds=[0])
    llama.network.save_pretrained(plan / "ft")
    llama.tokenizer.save_pretrained(plan / "ft")
    code, _, err = litho("ensemble", "exp/plan.yaml", "--out", "e")
    assert code == 0, err
    manifest = yaml.safe_load((tmp_path / "e/manifest.yaml").read_text())
    assert manifest["config"]["models"] == [str(plan / "ft")]
    assert manifest["model"]["sha256"]
    spec = read_plan(plan / "plan.yaml")
    assert spec.pinned().pinned() == spec.pinned()


TIMES = {"seconds": 0.0, "cpu_seconds": 0.0}


@pytest.mark.processes
def test_two_processes_do_what_one_does(litho: Command, tmp_path: Path) -> None:
    plan = str(write_plan(tmp_path, models=["tiny:llama"]))
    assert litho("ensemble", plan, "--out", "one")[0] == 0
    code, _, err = litho("ensemble", plan, "--out", "two", "--processes", "2")
    assert code == 0, err
    one, two = (
        {key: json.loads(r) | TIMES for _, key, r in rows_of(tmp_path / name)}
        for name in ("one", "two")
    )
    assert one == two and len(one) == 2 * 3 + 1
    code, _, err = litho("ensemble", plan, "--out", "x", "--processes", "2", "--cluster", "auto")
    assert code == 2 and "exclude each other" in err


def test_a_sample_of_the_grid(litho: Command, tmp_path: Path) -> None:
    plan = write_plan(tmp_path, models=["tiny:llama"], sample=4)
    assert litho("ensemble", str(plan), "--out", "e")[0] == 0
    assert len(rows_of(tmp_path / "e")) == 4 + 1
    assert litho("ensemble", str(plan), "--out", "e")[0] == 0
    assert len(rows_of(tmp_path / "e")) == 4 + 1


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"measure_at": [1, 9]}, "measure_at must lie between 1 and 3"),
        ({"max_hours": 1e-9}, "more than its max_hours"),
        ({"recipes": [{"stepps": 3}]}, "recipes.0.stepps"),
        ({"texts": "none.jsonl"}, "none.jsonl"),
        ({"models": ["tiny:none"]}, "tiny:none"),
    ],
)
def test_plans_that_are_refused(
    litho: Command, tmp_path: Path, changes: dict[str, Any], said: str
) -> None:
    code, _, err = litho("ensemble", str(write_plan(tmp_path, **changes)), "--out", "e")
    assert code == 2 and said in " ".join(err.split())
    assert not (tmp_path / "e").exists() or len(rows_of(tmp_path / "e")) == 0


def started(plan: Path) -> subprocess.Popen[bytes]:
    command = [
        sys.executable,
        "-m",
        "litho",
        "ensemble",
        str(plan),
        "--out",
        str(plan.parent / "e"),
    ]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


@pytest.mark.processes
def test_killed_twice_in_forty_runs_once_with_two_runners(tmp_path: Path) -> None:
    plan = write_plan(tmp_path, models=["tiny:llama"], seeds=list(range(14)))
    committed: list[tuple[int, str, str]] = []
    for kill in range(1, 3):
        processes = [started(plan) for _ in range(2 if kill == 1 else 1)]
        deadline = time.monotonic() + 120
        while len(committed) < 12 * kill:
            assert time.monotonic() < deadline
            time.sleep(0.05)
            if (tmp_path / "e/ledger.sqlite").exists():
                with suppress(sqlite3.OperationalError):  # it has no table yet
                    committed = rows_of(tmp_path / "e")
        for process in processes:
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
        kept = rows_of(tmp_path / "e")
        assert kept[: len(committed)] == committed  # nothing that was committed is lost
        assert len(kept) < 43, "the runs ended before they could be killed"
        committed = kept
    assert started(plan).wait(timeout=240) == 0
    found = rows_of(tmp_path / "e")
    assert found[: len(committed)] == committed
    assert len(found) == len({key for _, key, _ in found}) == 14 * 3 + 1
    matrix = pq.read_table(tmp_path / "e/effects.parquet")
    assert matrix.num_rows == 14 * 3 * 2 * 4


def test_several_processes_may_do_what_is_too_long_for_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = read_plan(write_plan(tmp_path, models=["tiny:llama"], max_hours=1))
    monkeypatch.setattr(Ensemble, "_cost", lambda *_: Cost(seconds=1.5 * HOUR, gib=1))
    monkeypatch.setattr(torch, "get_num_threads", lambda: 4)
    given = (spec.config, spec.texts, spec.questions, tmp_path, Silent())
    with pytest.raises(LithoError, match=r"about 1\.5 h"):
        Ensemble(*given).check()
    Ensemble(*given, workers=Workers(processes=2)).check()


def test_a_plan_that_has_grown_too_long_leaves_the_finished_run(
    litho: Command, tmp_path: Path
) -> None:
    plan = write_plan(tmp_path, models=["tiny:llama"])
    assert litho("ensemble", str(plan), "--out", "e")[0] == 0
    names = ("inputs.json", "manifest.yaml", "metrics.json")
    before = [(tmp_path / "e" / name).read_bytes() for name in names]
    more = ("--set", "seeds=[0, 1, 2]", "--set", "max_hours=1e-9")
    code, _, err = litho("ensemble", str(plan), "--out", "e", *more)
    assert code == 2 and "max_hours" in err
    assert [(tmp_path / "e" / name).read_bytes() for name in names] == before
