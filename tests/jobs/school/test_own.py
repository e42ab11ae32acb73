"""A school that asks its own model between stages: the same bytes however often it is stopped."""

import json
from pathlib import Path
from typing import Any, cast

import pytest

import litho
from litho.core.errors import Interrupted, LithoError
from litho.jobs.genome.build import Build
from litho.jobs.school.result import SchoolResult
from litho.text.school.canonical import of_world, written
from litho.text.school.world import World

WORLD = World(3, 2, 12)


def genome(folder: Path, loss: dict[str, Any] | None, name: str = "school") -> Path:
    plan = of_world(WORLD, 6_000) | {
        "tokenizer": {"kind": "bpe", "vocab": 500},
        "model": {"d": 16, "layers": 1, "heads": 2},
        "train": {"seq": 128, "batch_tokens": 1024, "warmup": 2},
        "tests": None,
    }
    path = folder / f"{name}.yaml"
    path.write_text(written(plan | ({"loss": loss} if loss else {})))
    return path


@pytest.fixture(scope="module", autouse=True)
def spoken() -> Any:  # noqa: ANN401  a fixture
    """Answers that name something, whatever so small a model would say."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "litho.jobs.school.own.spoken",
            lambda model, asked: [f"It is {WORLD.things['hue'][len(each) % 3]}." for each in asked],
        )
        yield


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> SchoolResult:
    folder = tmp_path_factory.mktemp("own")
    return litho.school(genome(folder, {"attempts": "own"}), out=folder / "run")


def test_attempts_are_asked_before_each_stage_that_plays_them(whole: SchoolResult) -> None:
    run = Path(whole.run)
    assert {path.name for path in run.glob("attempts-*")} == {
        "attempts-dialogue.json", "attempts-tail.json",
    }  # fmt: skip
    build = Build.opened(run / "build")
    assert [each.id for each in build.result.stages] == [each.id for each in whole.stages]
    said = [build.text("dialogue", span) for span in build.spans("dialogue") if span["part"]]
    own = json.loads((run / "attempts-dialogue.json").read_text())
    assert any(f"Student. {attempt}" in text for text in said for attempt in own.values())


@pytest.mark.parametrize("at", [8, 16])
def test_a_stopped_school_asks_nothing_again(
    whole: SchoolResult, at: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("litho.learn.schooling.education.SAVE_SECONDS", 0.0)
    path, seen = genome(tmp_path, {"attempts": "own"}), 0

    class Stop:
        def is_set(self) -> bool:
            nonlocal seen
            seen += 1
            return seen == at

    for _ in range(2):
        seen = 0
        with pytest.raises(Interrupted, match="litho resume"):
            litho.school(path, out=tmp_path / "run", cancel=cast(Any, Stop()))
    result = litho.school(path, out=tmp_path / "run")
    assert result.model_sha256 == whole.model_sha256


def test_stages_without_scenes_are_trained_once_for_all_weights(
    whole: SchoolResult, tmp_path: Path
) -> None:
    plain = litho.school(genome(tmp_path, None), out=tmp_path / "plain")
    heavy = litho.school(genome(tmp_path, {"repair": 9.0}, "heavy"), out=tmp_path / "heavy")
    keys = [[stage.checkpoint for stage in each.stages] for each in (plain, heavy, whole)]
    assert keys[0][:3] == keys[1][:3] == keys[2][:3]  # up to the first stage with scenes
    assert len({each[3] for each in keys}) == len({each[4] for each in keys}) == 3


def test_an_evolution_refuses_own_attempts(tmp_path: Path) -> None:
    plan = genome(tmp_path, {"attempts": "own"})
    text = plan.read_text().replace("tests: null", "tests: {n: 2}")
    plan.write_text(text)
    with pytest.raises(LithoError, match="asks no model between stages"):
        litho.evolve(plan, tmp_path / "out")
    assert not (tmp_path / "out").exists()
