"""Going on by an adapter: the base stays as it is, and plain PEFT loads each stage's."""

from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import pytest
import torch
import yaml
from peft import PeftModel
from transformers import AutoModelForCausalLM

from litho import api
from litho.core.errors import Interrupted, LithoError
from litho.jobs.school.result import SchoolResult
from litho.model.codec import of_bytes
from litho.model.micro import MicroModel, Shape
from litho.model.sources import ModelSource
from tests.builders import check_numbers
from tests.jobs.school.test_run import TINY, genome

BUDGET = 1e-3
GOING: dict[str, Any] = {
    "model": None,
    "start": "old",
    "tokenizer": {"kind": "model", "model": "old"},
    "budget": {"tokens": 6_000, "tail": 0.1},
}


def going(folder: Path, **adapter: float) -> Path:
    """A genome in whose folder the model lies that goes on."""
    codec = of_bytes()
    if not (folder / "old").exists():
        shape = Shape(codec.vocabulary, 64, d=16, layers=1, heads=2)
        MicroModel(shape, 0).save(folder / "old", codec)
    train = TINY["train"] | {"peak_lr": 0.02, "adapter": {"rank": 4} | adapter}
    return genome(folder, **GOING, train=train)


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> SchoolResult:
    folder = tmp_path_factory.mktemp("held")
    return api.school(going(folder, drift=BUDGET), out=folder / "run")


def test_each_stage_leaves_an_adapter(held: SchoolResult) -> None:
    run, base = Path(held.run), Path(held.run).with_name("old")
    assert held.adapters and [a.stage for a in held.adapters] == [s.id for s in held.stages]
    ids = torch.tensor([list(b"the gold of rivers")])
    with torch.no_grad():
        plain = AutoModelForCausalLM.from_pretrained(base)
        before = plain(ids).logits
        said = [before]
        for each in held.adapters:
            network = AutoModelForCausalLM.from_pretrained(base)
            said.append(PeftModel.from_pretrained(network, each.adapter)(ids).logits)
        whole = AutoModelForCausalLM.from_pretrained(held.model)(ids).logits
    torch.testing.assert_close(said[-1], whole, rtol=1e-4, atol=1e-4)
    assert all(not torch.allclose(a, b) for a, b in pairwise(said))
    began = yaml.safe_load((run / "manifest.yaml").read_text())["start"]["sha256"]
    assert ModelSource("", base, "").sha256() == began != held.model_sha256
    check_numbers(run)
    assert "stage by stage" in (run / "report.html").read_text(encoding="utf-8")


def test_the_guard_holds_the_adapter_within_its_budget(held: SchoolResult, tmp_path: Path) -> None:
    free = api.school(going(tmp_path), out=tmp_path / "free")
    assert free.adapters and held.adapters
    assert max(each.drift for each in held.adapters) <= BUDGET
    assert free.adapters[-1].drift > 5 * BUDGET
    assert free.stages[-1].loss < free.stages[0].loss


def test_a_stopped_school_ends_in_the_same_bytes(
    held: SchoolResult, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("litho.learn.schooling.education.SAVE_SECONDS", 0.0)
    path, seen = going(tmp_path, drift=BUDGET), 0

    class Stop:
        def is_set(self) -> bool:
            nonlocal seen
            seen += 1
            return seen == 11

    for _ in range(2):
        seen = 0
        with pytest.raises(Interrupted, match="litho resume"):
            api.school(path, out=tmp_path / "run", cancel=cast(Any, Stop()))
    result = api.school(path, out=tmp_path / "run")
    assert result.model_sha256 == held.model_sha256
    assert [a.drift for a in result.adapters or ()] == [a.drift for a in held.adapters or ()]


def test_an_adapter_needs_a_model_that_goes_on(tmp_path: Path) -> None:
    train = TINY["train"] | {"adapter": {"rank": 4}}
    with pytest.raises(LithoError, match=r"train.adapter: belongs to a model that goes on"):
        api.school(genome(tmp_path, train=train), out=tmp_path / "run")
