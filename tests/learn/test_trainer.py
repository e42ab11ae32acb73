"""The trainer, what it trains, its sources and checkpoints: equalities and slow references."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from litho.core.errors import LithoError
from litho.learn.checkpoint import (
    optimizer_memory,
    read_checkpoint,
    recall_optimizer,
    write_checkpoint,
)
from litho.learn.drift import DriftController, DriftGuard, Replay
from litho.learn.losses import backward_text
from litho.learn.objectives import Batch, Distilled
from litho.learn.optimizer import OptimizerSpec
from litho.learn.sources import RUNG, Climbing, Planned, Presentation, in_turn
from litho.learn.trainable import TrainedAdapter
from litho.learn.trainer import Trainer
from litho.model.adapters import lora
from litho.model.adapters.spec import AdapterSpec
from litho.model.loaded import LanguageModel
from litho.model.read.scoring import Target
from tests.builders import ROWS, shake


def plain_adamw(model: LanguageModel, rows: list[list[int]], rate: float) -> dict[str, Tensor]:
    """An adapter after one step of torch's AdamW a row, by transformers' own loss."""
    weights = lora.weights(model, "x")
    optimizer = torch.optim.AdamW(weights.values(), lr=rate, weight_decay=0.0)
    for weight in weights.values():
        weight.requires_grad_(True)
    for row in rows:
        ids = torch.tensor([row])
        with model.state("x"):
            model.network(input_ids=ids, labels=ids).loss.backward()
        torch.nn.utils.clip_grad_norm_(weights.values(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
    return {name: weight.detach() for name, weight in weights.items()}


def test_an_adapter_is_trained_as_plain_torch_does(
    any_model: LanguageModel, make_model: Callable[[str], LanguageModel]
) -> None:
    other = make_model(any_model.network.config.model_type.replace("_", "-"))
    shake(any_model)
    shake(other)
    rows = [any_model.encode(row) for row in ROWS]
    expected = plain_adamw(other, rows, 1e-3)
    what = TrainedAdapter(any_model, "x")
    before = {n: w.detach().clone() for n, w in what.weights.items()}
    trainer = Trainer(what, in_turn(rows), OptimizerSpec(1e-3, clip=1.0), len(rows))
    losses = [trainer.step().loss for _ in rows]
    assert losses[0] is not None
    assert what.weights.keys() == expected.keys()
    for name, weight in what.weights.items():
        # AdamW's first steps are of the size of the rate, whatever the gradient: where it is
        # nearly 0, its sign is chance.
        off = (weight - expected[name]).abs() > 1e-5
        assert off.float().mean() < 1e-3
        assert not torch.equal(weight, before[name])
    assert not any(p.grad is not None for p in any_model.network.parameters())


def by_chance(batch: Batch) -> float:
    """An objective that draws random numbers from torch's own generator."""
    return backward_text(
        batch.model, batch.rows, batch.micro_tokens, lambda row, _: torch.rand(len(row) - 1)
    )


@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
def test_a_training_goes_on_to_the_same_bytes_from_every_step(
    make_model: Callable[[str], LanguageModel],
    tmp_path: Path,
    optimizer: Literal["adamw", "sgd"],
) -> None:
    steps = 4

    def begun() -> Trainer:
        model = make_model("llama")
        rows = [model.encode(row) for row in ROWS]
        replay = Replay.read(model, [row[:12] for row in rows])
        lora.attach(model, "x", AdapterSpec(2, layers=(1, 2)))
        what = TrainedAdapter(model, "x")
        spec = OptimizerSpec(0.01, optimizer, warmup=2, settle=2, clip=1.0)
        guard = DriftGuard(replay, DriftController(budget=0.01), 2, seed=0)
        source = Planned([rows[:2], [], rows[2:]], ["a", "nothing", "b"])
        return Trainer(what, source, spec, steps, objective=by_chance, guard=guard)

    torch.manual_seed(0)
    whole = begun()
    expected = []
    for done in range(steps):
        whole.save(tmp_path / f"after-{done}")
        expected.append(whole.step())
    for done in range(steps):
        torch.manual_seed(1)
        resumed = begun()
        resumed.restore(tmp_path / f"after-{done}")
        assert [resumed.step() for _ in range(done, steps)] == expected[done:]
        for name, weight in whole.what.weights.items():
            assert torch.equal(resumed.what.weights[name], weight)
        assert resumed.guard and whole.guard
        assert resumed.guard.controller == whole.guard.controller


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_moments_go_where_their_weights_are(tmp_path: Path, device: str) -> None:
    """And have their precision."""
    if device == "cuda" and not torch.cuda.is_available():
        pytest.skip("no GPU")
    first = torch.nn.Parameter(torch.ones(3))
    optimizer = torch.optim.AdamW([first])
    first.grad = torch.ones(3)
    optimizer.step()
    write_checkpoint(tmp_path / "c", {"optimizer": optimizer_memory(optimizer)})
    other = torch.nn.Parameter(torch.ones(3, dtype=torch.float64, device=device))
    again = torch.optim.AdamW([other])
    recall_optimizer(again, read_checkpoint(tmp_path / "c")["optimizer"])
    for moment in ("exp_avg", "exp_avg_sq"):
        recalled = again.state[other][moment]
        assert (recalled.dtype, recalled.device) == (other.dtype, other.device)
        assert torch.equal(recalled.cpu().float(), optimizer.state[first][moment])
    other.grad = torch.ones_like(other)
    again.step()
    assert again.state[other]["step"] == 2


def test_a_checkpoint_of_another_version_is_named(tmp_path: Path) -> None:
    save_file({"weight x": torch.ones(1)}, tmp_path / "c", {"progress": "{}"})
    with pytest.raises(LithoError, match="of another version of Litho: delete it"):
        read_checkpoint(tmp_path / "c")


def test_a_base_that_is_asked_beside_another_adapter_trains_only_what_learns(
    llama: LanguageModel,
) -> None:
    shake(llama, "decoy")
    lora.attach(llama, "x", AdapterSpec(2))
    what = TrainedAdapter(llama, "x", [("decoy",)])
    source, asked = in_turn([llama.encode(ROWS[0])]), Distilled(llama, [ROWS[1]])
    trainer = Trainer(what, source, OptimizerSpec(0.01), 2, objective=asked)
    trainer.gradient()
    with_gradient = {n for n, p in llama.network.named_parameters() if p.grad is not None}
    assert with_gradient == {n for n in what.weights if ".lora_" in n}
    assert llama.on == ["decoy"]


def test_a_rate_warms_up_stays_and_falls() -> None:
    spec = OptimizerSpec(1.0, warmup=2, settle=4)
    assert [spec.rate(done, 8) for done in range(8)] == [0.5, 1, 1, 1, 1, 0.75, 0.5, 0.25]
    assert {OptimizerSpec(0.3).rate(done, 5) for done in range(5)} == {0.3}


def test_a_token_of_a_reply_counts_as_much_as_one_of_the_text(llama: LanguageModel) -> None:
    rows = [llama.encode(row) for row in ROWS]
    target = Target(tuple(rows[1]), 5)
    shown = Planned([rows[:1]], replies=[[target]])
    with lora.fresh(llama, "a", AdapterSpec(4)):
        trainer = Trainer(TrainedAdapter(llama, "a"), shown, OptimizerSpec(0.1, clip=None), 2)
        step = trainer.gradient()
        weights = lora.weights(llama, "a")
        found = {name: w.grad.clone() for name, w in weights.items() if w.grad is not None}
        trainer.optimizer.zero_grad()
        with torch.enable_grad(), lora.learning(llama, "a"):
            logits = llama.network(torch.tensor([rows[0]])).logits[0].log_softmax(-1)
            loss = -sum(logits[i - 1, rows[0][i]] for i in range(1, len(rows[0])))
            logits = llama.network(torch.tensor([rows[1]])).logits[0].log_softmax(-1)
            loss = loss - sum(logits[i - 1, rows[1][i]] for i in range(5, len(rows[1])))
            (loss / (len(rows[0]) - 1)).backward()
        assert step.tokens == len(rows[0]) - 1 + len(rows[1]) - 5
        assert found
        for name, gradient in found.items():
            torch.testing.assert_close(gradient, weights[name].grad, atol=1e-5, rtol=1e-3)


def test_several_steps_along_a_gradient_count_as_steps(llama: LanguageModel) -> None:
    lora.attach(llama, "x", AdapterSpec(2))
    source = in_turn([llama.encode(row) for row in ROWS])
    trainer = Trainer(TrainedAdapter(llama, "x"), source, OptimizerSpec(0.01), 6)
    assert [trainer.step(3).presentations, trainer.step(2).presentations] == [1, 4]
    assert trainer.progress.done == 5
    assert {int(s["step"]) for s in trainer.optimizer.state.values()} == {5}


class Stairs:
    """A ladder of two rungs."""

    def __init__(self) -> None:
        self.versions = [[0]]

    @property
    def left(self) -> int:
        return 2 - self.versions[0][0]

    @property
    def arrived(self) -> bool:
        return not self.left

    @property
    def text(self) -> str:
        return f"rung {self.versions[0][0]}"

    def rows(self, done: int) -> list[list[int]]:
        self.versions = [[self.versions[0][0] + 1]]
        return [[done, 7]]

    def resume(self, versions: Sequence[list[int]]) -> None:
        self.versions = [list(ids) for ids in versions]


def test_a_ladder_is_climbed_before_the_plan_is_shown() -> None:
    source = Climbing(Stairs(), Planned([[[1]], [[2]], [[3]]], ["a", "b", "c"]))
    first = source.next(0)
    assert first == Presentation([[0, 7]], RUNG, "rung 1", 1)
    again = Climbing(Stairs(), source.then)
    again.recall(source.memory())
    for one in (source, again):
        assert one.next(1) == Presentation([[1, 7]], RUNG, "rung 2", 0)
        assert [one.next(done).kind for done in (2, 3, 4)] == ["c", "a", "b"]
