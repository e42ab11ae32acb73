"""Evolutions end to end: schools shared between processes, and checkpoints between genomes."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

import litho
from litho.core.errors import LithoError
from litho.core.work import WorkLedger
from litho.jobs.evolve.fresh import FIRST, on_world
from litho.jobs.evolve.result import EvolveResult
from litho.jobs.evolve.trial import Raised
from litho.text.school.canonical import of_world, written
from litho.text.school.genome import Genome
from litho.text.school.world import World

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


def test_shared_checkpoints_change_no_result(
    tiny: dict[str, object], tmp_path: Path, evolved: tuple[Path, EvolveResult]
) -> None:
    folder, _ = evolved
    genome = Genome.model_validate(yaml.safe_load(yaml.safe_dump(tiny)))
    trial = Raised(genome, 0, str(folder), str(tmp_path / "none"), "auto")
    (kept,) = WorkLedger(folder / "run").results([trial.specification])
    shared = Raised(genome, 0, str(folder), str(folder / "run" / "checkpoints"), "auto")()
    assert shared["reused"] > 0 == trial()["reused"]
    for key in ("tests", "shortcuts", "tokens", "checkpoints"):
        assert shared[key] == kept[key]


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
