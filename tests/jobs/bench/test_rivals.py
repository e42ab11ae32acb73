"""Rivals."""

from typing import Any

import pytest
import torch

from litho.jobs.bench import rivals
from litho.jobs.bench.rivals import FOLLOWS, OnPolicy
from litho.learn.objectives import predicted_behind
from litho.model.adapters import lora
from litho.model.adapters.spec import AdapterSpec
from litho.model.loaded import load
from litho.model.sources import locate
from tests.builders import TEXT


def test_the_student_learns_from_a_teacher_that_lags_behind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = load(locate("tiny:llama"), torch.bfloat16)
    lora.attach(model, "trial", AdapterSpec(rank=2, alpha=4, seed=0))
    weights = lora.weights(model, "trial")
    rival = OnPolicy(model, TEXT, "trial", seed=0)
    rows = [model.encode("It shows the time."), model.encode("Every spring a choir")]
    taught: list[torch.Tensor] = []
    reading = predicted_behind

    def watched(*args: Any) -> list[torch.Tensor]:  # noqa: ANN401  as the function watched
        taught.extend(w.detach().clone() for w in weights.values())
        found = reading(*args)
        taught.append(found[0].clone())
        return found

    monkeypatch.setattr(rivals, "predicted_behind", watched)
    first = {name: weight.detach().clone() for name, weight in weights.items()}
    with lora.mixed_precision(model):
        assert rival(model, rows, 256, 0.0) > 0
    assert all(weight.grad is not None for weight in weights.values())
    for weight in weights.values():
        weight.data += 0.5
    now = {name: weight.detach().clone() for name, weight in weights.items()}
    taught.clear()
    with lora.mixed_precision(model):
        said = rival._said(model, rows)
        rival(model, rows, 256, 0.0)
    for (name, before), used in zip(first.items(), taught, strict=False):
        torch.testing.assert_close(used, before.lerp(now[name], FOLLOWS))
        assert torch.equal(weights[name], now[name])  # the teacher's were put away again
    assert said and not torch.equal(taught[0], now[next(iter(now))])
    # What the teacher said came from its own weights, and not from copies of the student's.
    with torch.no_grad(), lora.mixed_precision(model):
        by_student = reading(model, rival._text, rows)[0]
        rival._exchange(model, rival._teacher)
        by_teacher = reading(model, rival._text, rows)[0]
    assert not torch.equal(by_student, by_teacher)
