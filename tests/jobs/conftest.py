"""A tiny finished school, from which other jobs go on."""

from typing import Any

import pytest

import litho
from litho.jobs.school.finished import FinishedSchool
from litho.text.school.canonical import of_world, written
from litho.text.school.world import World


def tiny_genome(**changes: Any) -> dict[str, Any]:  # noqa: ANN401  YAML
    return {
        **of_world(World(3, 2, 12, 2), 3_000),
        "tokenizer": {"kind": "bpe", "vocab": 400},
        "model": {"d": 8, "layers": 1, "heads": 2},
        "train": {"seq": 64, "batch_tokens": 256, "average": {"last": 2, "every": 256}},
        "tests": {"n": 2, "twin": "counterfactual"},
        **changes,
    }


@pytest.fixture(scope="session")
def tiny_school(tmp_path_factory: pytest.TempPathFactory) -> FinishedSchool:
    folder = tmp_path_factory.mktemp("school")
    (folder / "tiny.yaml").write_text(written(tiny_genome()))
    litho.school(folder / "tiny.yaml", out=folder / "run")
    return FinishedSchool.opened(folder / "run")
