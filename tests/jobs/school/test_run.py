"""A school from genome to model: the same bytes however often it was stopped or shared."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from litho import api
from litho.core.errors import Interrupted, LithoError
from litho.jobs.genome.build import Build
from litho.jobs.school.result import SchoolResult
from litho.model.codec import of_bytes
from litho.model.micro import MicroModel, Shape
from litho.text.school.canonical import of_world, written
from tests.builders import check_numbers
from tests.jobs.genome.test_compiler import WORLD

TINY: dict[str, Any] = {
    "tokenizer": {"kind": "bytes"},
    "model": {"arch": "llama", "d": 16, "layers": 1, "heads": 2},
    "train": {"seq": 64, "batch_tokens": 512, "warmup": 4, "average": {"last": 2, "every": 512}},
    "tests": None,
}


def genome(folder: Path, name: str = "school", **changes: object) -> Path:
    path = folder / f"{name}.yaml"
    path.write_text(written({**of_world(WORLD, 12_000), **TINY, **changes}))
    return path


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> SchoolResult:
    folder = tmp_path_factory.mktemp("school")
    return api.school(genome(folder, tests={"n": 2}), out=folder / "run")


def test_a_school_leaves_a_model_a_build_and_a_report(whole: SchoolResult) -> None:
    run = Path(whole.run)
    check_numbers(run)
    build = Build.opened(run / "build")
    assert [stage.id for stage in whole.stages] == [stage.id for stage in build.result.stages]
    assert whole.tokens == sum(stage.tokens for stage in build.result.stages)
    stage = whole.stages[3]
    counted = Counter[str]()
    for span in build.spans(stage.id):
        kind = "practice" if span["kind"] == "practice" else span["book"]
        counted["scenes" if span["scene"] else kind] += span["end"] - span["start"]
    assert set(stage.subjects) == set(counted) and "scenes" in counted and len(counted) > 1
    mean = sum(stage.subjects[name] * counted[name] for name in counted) / counted.total()
    assert mean == pytest.approx(stage.loss) and counted.total() == stage.tokens
    assert whole.stages[-1].loss < whole.stages[0].loss < np.log(257) + 0.1
    model = api.load(whole.model)
    assert model.network.num_parameters() == whole.weights
    assert whole.exam and whole.exam.tests["memorised"].n
    assert not list(run.glob("training*")) and not list(run.glob(".*"))


@pytest.mark.parametrize("at", [7, 12, 20])
def test_a_stopped_school_ends_in_the_same_bytes(
    whole: SchoolResult, at: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("litho.learn.schooling.education.SAVE_SECONDS", 0.0)
    path, seen = genome(tmp_path), 0

    class Stop:
        def is_set(self) -> bool:
            nonlocal seen
            seen += 1
            return seen == at

    for _ in range(2):
        seen = 0
        with pytest.raises(Interrupted, match="litho resume"):
            api.school(path, out=tmp_path / "run", cancel=cast(Any, Stop()))
    result = api.school(path, out=tmp_path / "run")
    assert result.model_sha256 == whole.model_sha256
    same = {"stages", "tokens", "weights"}
    assert result.model_dump(include=same) == whole.model_dump(include=same)
    with pytest.raises(LithoError, match="exists already"):
        api.school(path, out=tmp_path / "run")


def test_common_first_stages_are_trained_once(whole: SchoolResult, tmp_path: Path) -> None:
    shared = tmp_path / "checkpoints"
    first = api.school(genome(tmp_path), out=tmp_path / "one", checkpoints=shared)
    assert first.model_sha256 == whole.model_sha256
    assert not any(stage.reused for stage in first.stages)
    stages = of_world(WORLD)["stages"]
    late = [*stages[:4], stages[4] | {"books": stages[4]["books"][::-1]}]
    path = genome(tmp_path, "other", stages=late)
    other = api.school(path, out=tmp_path / "two", build=tmp_path / "one" / "build",
                       checkpoints=shared)  # fmt: skip
    assert [stage.reused for stage in other.stages] == [True] * 4 + [False] * 2
    alone = api.school(path, out=tmp_path / "three")
    assert alone.model_sha256 == other.model_sha256 != whole.model_sha256
    assert [s.loss for s in alone.stages] == [s.loss for s in other.stages]
    again = api.school(genome(tmp_path), out=tmp_path / "four", checkpoints=shared)
    assert all(s.reused for s in again.stages) and again.model_sha256 == whole.model_sha256
    train = TINY["train"] | {"peak_lr": 0.001}
    slow = api.school(genome(tmp_path, train=train), out=tmp_path / "five", checkpoints=shared)
    assert not any(stage.reused for stage in slow.stages)


def test_the_order_of_a_build_is_that_of_reading(whole: SchoolResult, tmp_path: Path) -> None:
    path, build = genome(tmp_path), tmp_path / "build"
    api.compile_genome(path, build)
    same = api.school(path, out=tmp_path / "one", build=build)
    assert same.model_sha256 == whole.model_sha256
    place = build / "stages" / "science" / "order.npy"
    order = np.load(place)
    np.save(place, order[::-1])
    other = api.school(path, out=tmp_path / "two", build=build)
    checkpoints = [[s.checkpoint for s in each.stages] for each in (whole, other)]
    assert checkpoints[0][:3] == checkpoints[1][:3] and checkpoints[0][3] != checkpoints[1][3]
    assert other.model_sha256 != whole.model_sha256
    np.save(place, order[:-1])
    with pytest.raises(LithoError, match="is no order of the"):
        api.school(path, out=tmp_path / "three", build=build)
    np.save(place, order)
    for name in ("order.npy", "spans.parquet", "tokens.bin"):
        whole_file = (place.parent / name).read_bytes()
        (place.parent / name).write_bytes(b"\xff" + whole_file[1:-9])
        with pytest.raises(LithoError, match=r"science is damaged .* compile the genome again"):
            api.school(path, out=tmp_path / "three", build=build)
        (place.parent / name).write_bytes(whole_file)


def test_attention_within_documents_makes_another_model(
    whole: SchoolResult, tmp_path: Path
) -> None:
    train = TINY["train"] | {"attend": "document"}
    result = api.school(genome(tmp_path, train=train), out=tmp_path / "run")
    assert result.model_sha256 != whole.model_sha256
    assert result.stages[-1].loss < result.stages[0].loss
    going: dict[str, Any] = {"model": None, "start": "old"}
    with pytest.raises(LithoError, match=r"train.attend: 'document' needs a new model"):
        own = {"kind": "model", "model": "old"}
        api.school(genome(tmp_path, "b", train=train, tokenizer=own, **going), out=tmp_path / "b")


def test_a_model_that_goes_on(tmp_path: Path) -> None:
    codec = of_bytes()
    MicroModel(Shape(codec.vocabulary, 64, d=16, layers=1, heads=2), 0).save(
        tmp_path / "old", codec
    )
    going: dict[str, Any] = {
        "model": None,
        "start": "old",
        "tokenizer": {"kind": "model", "model": "old"},
    }
    result = api.school(genome(tmp_path, **going), out=tmp_path / "run")
    assert result.stages[-1].loss < result.stages[0].loss
    assert api.load(result.model).tokenizer("a b")["input_ids"] == codec.encode(["a b"])[0].ids
    new: dict[str, Any] = {
        "model": None,
        "start": "old",
        "tokenizer": {"kind": "model", "model": "tiny:llama"},
    }
    with pytest.raises(LithoError, match=r"start \(old\) has another tokenizer"):
        api.school(genome(tmp_path, **new), out=tmp_path / "other")
    long = going | {"train": TINY["train"] | {"seq": 65}}
    with pytest.raises(LithoError, match="old sees 64 tokens"):
        api.school(genome(tmp_path, **long), out=tmp_path / "other")
    assert not (tmp_path / "other").exists() and not (tmp_path / "other.partial").exists()


@pytest.mark.processes
def test_a_killed_school_ends_in_the_same_bytes(whole: SchoolResult, tmp_path: Path) -> None:
    genome(tmp_path)
    code = (
        "import litho.learn.schooling.education as e; e.SAVE_SECONDS = 0.0; "
        "from litho.cli.main import main; main()"
    )
    command = [sys.executable, "-c", code, "school", "school.yaml", "--out", "run", "--json"]
    options: dict[str, Any] = {"cwd": tmp_path, "stdout": subprocess.PIPE, "text": True}
    kills = 0
    while True:
        process = subprocess.Popen(command, **options)
        there = tmp_path / "run.partial" / "checkpoints"
        before = len(list(there.glob("*")))
        while process.poll() is None and len(list(there.glob("*"))) <= before and kills < 3:
            time.sleep(0.01)
        if kills == 3:
            out, _ = process.communicate()
            break
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        kills += 1
    assert json.loads(out)["model_sha256"] == whole.model_sha256
