"""Rivals."""

from pathlib import Path
from typing import Any

import pytest
import torch

from litho.jobs.bench import rivals
from litho.jobs.bench.rivals import FOLLOWS, OnPolicy
from litho.learn.objectives import Batch, predicted_behind
from litho.learn.optimizer import OptimizerSpec
from litho.learn.sources import Planned
from litho.learn.trainable import TrainedAdapter
from litho.learn.trainer import Trainer
from litho.model.adapters import lora
from litho.model.adapters.spec import AdapterSpec
from litho.model.loaded import LanguageModel
from litho.model.loading import load
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
        assert rival(Batch(model, rows, 256, 0.0)) > 0
    assert all(weight.grad is not None for weight in weights.values())
    for weight in weights.values():
        weight.data += 0.5
    now = {name: weight.detach().clone() for name, weight in weights.items()}
    taught.clear()
    with lora.mixed_precision(model):
        said = rival._said(model, rows)
        rival(Batch(model, rows, 256, 0.0))
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


def test_a_teacher_that_lags_behind_is_in_the_checkpoint(
    llama: LanguageModel, tmp_path: Path
) -> None:
    sentences = [[llama.encode("It shows the time."), llama.encode("Every spring a choir")]]

    def trained(saved_after: int | None = None, restored: bool = False) -> list[torch.Tensor]:
        with lora.fresh(llama, "trial", AdapterSpec(2)):
            asked = OnPolicy(llama, TEXT, "trial", seed=0)
            what = TrainedAdapter(llama, "trial")
            trainer = Trainer(what, Planned(sentences), OptimizerSpec(0.1), 4, objective=asked)
            if restored:
                trainer.restore(tmp_path / "checkpoint")
            while trainer.progress.done < 4:
                trainer.step()
                if trainer.progress.done == saved_after:
                    trainer.save(tmp_path / "checkpoint")
            return [weight.detach().clone() for weight in what.learned]

    whole = trained(saved_after=2)
    resumed = trained(restored=True)
    assert all(torch.equal(a, b) for a, b in zip(whole, resumed, strict=True))
