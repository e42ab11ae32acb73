"""An adapter learns what its role says, leaves the base as it was, and goes on where it stopped."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from litho.core.reporter import Silent
from litho.learn.schooling import voice
from litho.learn.schooling.voice import Lines, Rehearsal, loss_of, rehearse
from litho.model.adapters import lora
from litho.model.adapters.spec import AdapterSpec
from litho.model.loaded import LanguageModel

LINES = [
    Lines((0, 5, 6, 7, 8), (0, 0, 0, 1, 2)),
    Lines((0, 9, 4, 3), (0, 1, 1, 0)),
    Lines((0, 2, 2, 8, 1, 7), (0, 0, 1, 0, 0, 1)),
]
PLAN = Rehearsal(tokens=20, rows=2, rate=0.01, seed=1)


def test_the_loss_is_that_of_a_slow_sum() -> None:
    logits_BTV = torch.randn(2, 4, 11, generator=torch.Generator().manual_seed(0))
    ids_BT = torch.tensor([[0, 3, 4, 5], [0, 7, 1, 2]])
    weights_BT = torch.tensor([[0.0, 0.0, 2.0, 1.0], [0.0, 1.0, 0.0, 0.0]])
    whole = counted = 0.0
    for row in range(2):
        for place in range(1, 4):
            weight = weights_BT[row, place].item()
            whole -= weight * logits_BTV[row, place - 1].log_softmax(0)[ids_BT[row, place]].item()
            counted += weight
    assert loss_of(logits_BTV, ids_BT, weights_BT).item() == pytest.approx(whole / counted)


def learned(model: LanguageModel, path: Path, plan: Rehearsal = PLAN) -> list[torch.Tensor]:
    lora.attach(model, "critic", AdapterSpec(2, seed=3))
    done = rehearse(model, "critic", LINES, plan, path, Silent())
    assert done.tokens >= plan.tokens and done.losses[-1] < done.losses[0]
    return [weight.detach().clone() for weight in lora.weights(model, "critic").values()]


def test_a_stopped_rehearsal_ends_in_the_same_bytes(
    make_model: Callable[[str], LanguageModel], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = [weight.clone() for weight in make_model("llama").network.parameters()]
    model = make_model("llama")
    whole = learned(model, tmp_path / "none")
    own = {id(weight) for weight in lora.weights(model, "critic").values()}
    after = [weight for weight in model.network.parameters() if id(weight) not in own]
    assert len(after) == len(base) and all(map(torch.equal, base, after))
    monkeypatch.setattr(voice, "SAVE_SECONDS", 0.0)

    def stop() -> None:
        raise KeyboardInterrupt

    path = tmp_path / "rehearsal.safetensors"
    other = make_model("llama")
    lora.attach(other, "critic", AdapterSpec(2, seed=3))
    with pytest.raises(KeyboardInterrupt):
        rehearse(other, "critic", LINES, PLAN, path, Silent(), stop)
    assert path.is_file()
    assert all(map(torch.equal, whole, learned(make_model("llama"), path)))


def test_each_document_comes_once_in_a_pass() -> None:
    numbers = [i for step in range(6) for i in voice._numbers(3, PLAN, step)]
    assert [sorted(numbers[i : i + 3]) for i in range(0, 12, 3)] == [[0, 1, 2]] * 4
    assert len({tuple(numbers[i : i + 3]) for i in range(0, 12, 3)}) > 1
