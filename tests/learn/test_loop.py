"""One arm in training: when its anchor forms, what is beside it."""

from collections.abc import Sequence
from pathlib import Path

import pytest
import torch

from litho.core.runs import RunDirectory
from litho.learn.loop import PATIENCE, anchor_formed, train_arm
from litho.learn.objectives import Batch, all_tokens
from litho.learn.optimizer import OptimizerSpec
from litho.learn.records import Check, LoopConfig
from litho.learn.sources import RUNG, Planned, in_turn
from litho.learn.trainable import TrainedAdapter
from litho.learn.trainer import Trainer
from litho.measure.printing.probes import target_of
from litho.model.adapters import lora
from litho.model.adapters.spec import AdapterSpec
from litho.model.loaded import LanguageModel
from litho.model.read.scoring import target_logprobs
from litho.model.state import State
from tests.builders import ROWS, TEXT, case


def check(anchor: float | None) -> Check:
    return Check(presentations=1, anchor=anchor, imprint={}, drift_self=0.0, drift_retention=0.0)


def test_the_anchor_forms_when_progress_ends() -> None:
    rising = [check(0.1 * i) for i in range(6)]
    assert not anchor_formed(rising)
    assert not anchor_formed([*rising, check(0.5), check(0.5)])
    assert anchor_formed(rising + [check(0.5)] * PATIENCE)
    assert not anchor_formed([check(None)] * 9)


class Flat:
    """A monitor that sees no progress."""

    def check(self, state: State, presentations: int) -> Check:
        return check(0.5).model_copy(update={"presentations": presentations})


@pytest.mark.parametrize(("rungs", "last"), [(0, 6), (5, 11)])
def test_a_ladder_reaches_the_text_before_an_anchor_ends_it(
    rungs: int, last: int, llama: LanguageModel, tmp_path: Path
) -> None:
    kinds = [RUNG] * rungs + ["none"] * 20
    source = Planned([[llama.encode(ROWS[0])]] * len(kinds), kinds)
    config = LoopConfig(presentations=20, learning_rate=1e-3, check_every=1, settle=2)
    with lora.fresh(llama, "arm", AdapterSpec(2, 4)):
        trainer = Trainer(TrainedAdapter(llama, "arm"), source, OptimizerSpec.of(config), 20)
        steps = train_arm(trainer, "arm", Flat(), RunDirectory(tmp_path), config, anchored=True)
    assert len(steps) == last


def test_a_print_is_learned_beside_a_decoy_that_stays_as_it_is(llama: LanguageModel) -> None:
    rows = [llama.encode(TEXT)]
    turns: list[list[str]] = []
    asked = [target_of(llama, probe) for probe in case("one").probes]

    def noting(batch: Batch) -> float:
        turns.append(batch.model.on)
        return all_tokens(batch)

    def printed(beside: Sequence[str], strength: float) -> tuple[dict[str, torch.Tensor], bool]:
        """The weights of the print, and whether those of all decoys stayed."""
        lora.attach(llama, "arm", AdapterSpec(8, 16))
        torch.manual_seed(0)
        for name in beside:
            lora.attach(llama, name, AdapterSpec(2, 4, seed=7))
            for weight in lora.weights(llama, name).values():
                weight.data.add_(strength * torch.randn_like(weight))
        decoys = {n: w for name in beside for n, w in lora.weights(llama, name).items()}
        before = {n: w.detach().clone() for n, w in decoys.items()}
        turns.clear()
        what = TrainedAdapter(llama, "arm", [[name] for name in beside])
        optimizer = OptimizerSpec(1e-2, warmup=4, settle=10, clip=1.0)
        trainer = Trainer(what, in_turn(rows), optimizer, 3, 256, noting)
        for _ in range(3):
            trainer.step()
            with torch.no_grad():
                now = target_logprobs(llama, asked)
                with llama.state("arm"):
                    assert now == target_logprobs(llama, asked)  # the decoys are off again
        stayed = all(torch.equal(before[n], w) and w.grad is None for n, w in decoys.items())
        found = {n: w.detach().clone() for n, w in what.weights.items()}
        lora.detach(llama)
        return found, stayed

    alone, _ = printed((), 0.0)
    beside_nothing, _ = printed(("first", "second"), 0.0)  # fresh adapters change nothing
    assert all(torch.allclose(alone[n], beside_nothing[n], atol=1e-6) for n in alone)
    beside_decoys, stayed = printed(("first", "second"), 0.2)
    assert turns == [["first", "arm"], ["second", "arm"], ["first", "arm"]]
    assert stayed and not all(torch.allclose(alone[n], beside_decoys[n], atol=1e-4) for n in alone)
