"""Two processes train what one would have trained, and go on to the same bytes."""

import multiprocessing
from pathlib import Path
from typing import Any, cast

import pytest
from safetensors.torch import load_file
from torch.testing import assert_close

from litho import api
from litho.core.errors import Interrupted, LithoError
from litho.jobs.school.result import SchoolResult
from tests.jobs.school.test_adapter import going
from tests.jobs.school.test_run import genome

pytestmark = pytest.mark.processes
LOSS: dict[str, Any] = {"loss": {"default": 1.0, "repair": 3.0}}  # targets with weights


def helpers() -> list[Any]:
    return multiprocessing.active_children()


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> SchoolResult:
    folder = tmp_path_factory.mktemp("two")
    return api.school(genome(folder, **LOSS), out=folder / "run", processes=2)


def test_losses_are_those_of_one_process(two: SchoolResult, tmp_path: Path) -> None:
    one = api.school(genome(tmp_path, **LOSS), out=tmp_path / "run")
    for found, alone in zip(two.stages, one.stages, strict=True):
        assert found.loss == pytest.approx(alone.loss, abs=1e-5)
        assert found.end == pytest.approx(alone.end, abs=1e-5)
        assert found.subjects == pytest.approx(alone.subjects, abs=1e-5)
        assert (found.tokens, found.steps) == (alone.tokens, alone.steps)
        assert found.checkpoint != alone.checkpoint  # sums are split in another way
    weights = [load_file(Path(each.model) / "model.safetensors") for each in (two, one)]
    for name, weight in weights[0].items():
        assert_close(weight, weights[1][name], rtol=1e-3, atol=1e-4)
    assert not helpers()


def test_an_adapter_learns_the_same(tmp_path: Path) -> None:
    path = going(tmp_path, drift=0.01)
    one, two = (api.school(path, out=tmp_path / str(n), processes=n) for n in (1, 2))
    assert [s.loss for s in two.stages] == pytest.approx([s.loss for s in one.stages], abs=1e-5)
    drifts = [[each.drift for each in found.adapters or ()] for found in (one, two)]
    assert drifts[0] == pytest.approx(drifts[1], rel=1e-3)


def test_two_processes_end_in_the_same_bytes(
    two: SchoolResult, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped by the user once, and once because a helper was killed."""
    monkeypatch.setattr("litho.learn.schooling.education.SAVE_SECONDS", 0.0)
    path, seen = genome(tmp_path, **LOSS), 0

    class Stop:
        def is_set(self) -> bool:
            nonlocal seen
            seen += 1
            return seen == 14

    with pytest.raises(Interrupted, match="litho resume"):
        api.school(path, out=tmp_path / "run", processes=2, cancel=cast(Any, Stop()))
    assert not helpers()

    def kill(event: object) -> None:
        for each in helpers():
            each.kill()

    with pytest.raises(LithoError, match="use fewer --processes; what was done before is kept"):
        api.school(path, out=tmp_path / "run", processes=2, progress=kill)
    result = api.school(path, out=tmp_path / "run", processes=2)
    assert result.model_sha256 == two.model_sha256
    assert result.stages == two.stages
