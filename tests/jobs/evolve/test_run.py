"""Evolutions end to end: schools shared between processes, and checkpoints between genomes."""

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

import litho
from litho.core.errors import LithoError
from litho.core.runs import PARTIAL
from litho.core.work import WorkLedger
from litho.jobs.evolve.fresh import FIRST, on_world
from litho.jobs.evolve.result import EvolveResult
from litho.jobs.evolve.trial import Raised
from litho.learn.checkpoint import read_checkpoint
from litho.text.school.canonical import of_world, written
from litho.text.school.genome import Genome
from litho.text.school.world import World
from tests.jobs.school.test_adapter import going

SETTINGS: dict[str, Any] = {"generations": 1, "size": 2, "rungs": (1,), "fresh": 2, "finalists": 1}


@pytest.fixture(scope="module")
def tiny() -> dict[str, object]:
    genome = of_world(World(3, 2, 12, 2), 3_000)
    genome["model"] = {"d": 8, "layers": 1, "heads": 2}
    genome["train"] = {"seq": 32, "batch_tokens": 512}
    genome["tests"] = {"n": 2, "twin": "counterfactual"}
    return genome


@pytest.fixture(scope="module")
def evolved(
    tiny: dict[str, object], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, EvolveResult]:
    folder = tmp_path_factory.mktemp("evolve")
    (folder / "tiny.yaml").write_text(written(tiny))
    return folder, litho.evolve(folder / "tiny.yaml", folder / "run", **SETTINGS)


def test_schools_are_counted_and_the_best_is_named(evolved: tuple[Path, EvolveResult]) -> None:
    folder, _ = evolved
    said = json.loads((folder / "run" / "metrics.json").read_text())
    # Two of each search, and on two fresh seeds: a finalist, given, shuffled, by chance.
    assert said["runs"] <= 2 * 2 + 2 * 4 and said["runs"] >= 10
    assert set(said["baselines"]) == {"canonical", "shuffled", "random"}
    assert {each["search"] for each in said["family"]} == {"evolution", "random"}
    best = Genome.model_validate(yaml.safe_load((folder / "run" / "best.yaml").read_text()))
    assert best.id == said["best"]["id"]
    assert 0 < said["reused"] < 1
    assert (folder / "run" / "report.html").is_file()


def test_another_process_trains_nothing_again(
    evolved: tuple[Path, EvolveResult], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, result = evolved

    def never(self: Raised) -> None:
        raise AssertionError("trained again")

    monkeypatch.setattr(Raised, "__call__", never)
    again = litho.evolve(folder / "tiny.yaml", folder / "run", **SETTINGS)
    same = {"seconds": 0.0}
    assert again.model_copy(update=same) == result.model_copy(update=same)


@pytest.mark.processes
def test_of_six_processes_three_are_killed(evolved: tuple[Path, EvolveResult]) -> None:
    """What is found is what one process found alone, and no school is counted twice."""
    folder, alone = evolved
    settings = [f"{key}={json.dumps(value)}" for key, value in SETTINGS.items()]
    options = [word for each in settings for word in ("--set", each)]
    command = [sys.executable, "-m", "litho", "evolve", "tiny.yaml", "--out", "six", *options]
    six = [
        subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(6)
    ]
    draw = random.Random(0)
    for process in draw.sample(six, 3):
        before, deadline = _schools(folder / "six"), time.monotonic() + 120
        while _schools(folder / "six") == before:  # each dies once another school is kept
            assert time.monotonic() < deadline
            time.sleep(0.02)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        assert _schools(folder / "six") < alone.runs, "nothing was left for the others to do"
    assert sorted(process.wait(timeout=240) for process in six) == [-signal.SIGKILL] * 3 + [0] * 3
    assert _schools(folder / "six") == alone.runs
    found = EvolveResult(**json.loads((folder / "six" / "metrics.json").read_text()))
    for key in ("best", "baselines", "family", "operators", "said", "runs"):
        assert getattr(found, key) == getattr(alone, key), key


def _schools(run: Path) -> int:
    """Schools in the ledger of a run, finished or not."""
    for folder in (run, run.with_name(run.name + PARTIAL)):
        if (folder / "ledger.sqlite").exists():
            ledger = sqlite3.connect(folder / "ledger.sqlite")
            with closing(ledger), suppress(sqlite3.OperationalError):  # it has no table yet
                return int(ledger.execute("SELECT count(*) FROM results").fetchone()[0])
    return 0


def test_shared_checkpoints_change_no_result(
    tiny: dict[str, object], tmp_path: Path, evolved: tuple[Path, EvolveResult]
) -> None:
    folder, _ = evolved
    genome = Genome.model_validate(yaml.safe_load(yaml.safe_dump(tiny)))
    none = tmp_path / "none"
    trial = Raised(genome, 0, str(folder), str(none / "checkpoints"), str(none / "work"), "auto")
    (kept,) = WorkLedger(folder / "run").results([trial.specification])
    checkpoints = str(folder / "run" / "checkpoints")
    shared = Raised(genome, 0, str(folder), checkpoints, str(tmp_path / "work"), "auto")()
    assert shared["reused"] > 0 == trial()["reused"]
    for key in ("tests", "shortcuts", "tokens", "checkpoints"):
        assert shared[key] == kept[key]


def test_a_school_keeps_its_last_checkpoint(tiny: dict[str, object], tmp_path: Path) -> None:
    (tmp_path / "tiny.yaml").write_text(written(tiny))
    checkpoints = tmp_path / "checkpoints"
    school = litho.school(tmp_path / "tiny.yaml", out=tmp_path / "run", checkpoints=checkpoints)
    before = sorted(checkpoints.iterdir())
    genome = Genome.model_validate(yaml.safe_load((tmp_path / "tiny.yaml").read_text()))
    trial = Raised(genome, 0, str(tmp_path), str(checkpoints), str(tmp_path / "work"), "auto")
    said = trial()
    assert said["checkpoints"] == [f"{each.checkpoint}.safetensors" for each in school.stages[:-1]]
    assert said["reused"] > 0
    assert sorted(checkpoints.iterdir()) == before and not [*(tmp_path / "work").iterdir()]


def test_a_killed_trial_goes_on(
    tiny: dict[str, object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    genome = Genome.model_validate(yaml.safe_load(yaml.safe_dump(tiny)))
    checkpoints, work = str(tmp_path / "checkpoints"), tmp_path / "work"
    trial = Raised(genome, 0, str(tmp_path), checkpoints, str(work), "auto")

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("litho.jobs.evolve.trial.examined", killed)
        with pytest.raises(KeyboardInterrupt):
            trial()
    assert [each.name for each in work.iterdir()] == [trial.key]
    tokens = trial()["tokens"]
    assert trial()["tokens"] == tokens and not [*work.iterdir()]


def test_a_model_that_goes_on_is_part_of_what_a_school_depends_on(tmp_path: Path) -> None:
    school = litho.school(going(tmp_path, drift=1e-3), out=tmp_path / "run")
    given = yaml.safe_load((tmp_path / "school.yaml").read_text())
    genome = Genome.model_validate(given | {"tests": {"n": 2}})
    began = yaml.safe_load((tmp_path / "run" / "manifest.yaml").read_text())["start"]["sha256"]
    found = {}
    for start in (began, "0" * 64):
        ends, work = tmp_path / f"ends-{start[0]}", str(tmp_path / "work")
        trial = Raised(genome, 0, str(tmp_path), str(ends), work, "cpu", start)
        found[start] = trial()["checkpoints"]
    assert not set(found[began]) & set(found["0" * 64])
    assert found[began] == [f"{each.checkpoint}.safetensors" for each in school.stages[:-1]]
    for name in found[began]:  # the adapter is held there as in the school
        ours = read_checkpoint(tmp_path / f"ends-{began[0]}" / name)
        theirs = read_checkpoint(tmp_path / "run" / "checkpoints" / name)
        assert ours["hold"].values == theirs["hold"].values
        for weight, value in ours["weights"].tensors.items():
            assert torch.equal(value, theirs["weights"].tensors[weight])


def test_a_fresh_world_is_another_one_with_the_same_education(tiny: dict[str, object]) -> None:
    genome = Genome.model_validate(yaml.safe_load(yaml.safe_dump(tiny)))
    fresh = on_world(genome, FIRST)
    sources = {book.source.split(":")[1] for book in fresh.library.values()}
    assert sources == {str(3 + FIRST)}
    assert fresh.stages == genome.stages


def test_nothing_to_recombine_is_said_before_anything_is_written(tmp_path: Path) -> None:
    one = {
        "genome": "litho.genome/1",
        "id": "one",
        "seed": 1,
        "budget": {"tokens": 1000, "tail": 0.5},
        "library": {"minerals": {"source": "world:3:2x12x2/minerals", "sections": ["names"]}},
        "stages": [{"id": "s", "layer": "school", "share": 0.5, "books": ["minerals#names"]}],
    }
    (tmp_path / "one.yaml").write_text(yaml.safe_dump(one))
    with pytest.raises(LithoError, match="has no tests"):
        litho.evolve(tmp_path / "one.yaml", tmp_path / "run", **SETTINGS)
    (tmp_path / "one.yaml").write_text(yaml.safe_dump(one | {"tests": {"n": 2}}))
    with pytest.raises(LithoError, match="nothing to recombine"):
        litho.evolve(tmp_path / "one.yaml", tmp_path / "run", **SETTINGS)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one.yaml"]
