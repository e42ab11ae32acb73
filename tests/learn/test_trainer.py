"""Losses, controller and loop: equalities and slow references."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from litho.core.errors import LithoError
from litho.learn.drift import HEADROOM, DriftController, Replay
from litho.learn.loop import PATIENCE, anchor_formed
from litho.learn.losses import backward_drift, backward_text
from litho.learn.records import Check
from litho.model.adapters import lora
from litho.model.loaded import LanguageModel
from tests.builders import ROWS, gradients, shake


def test_loss_is_per_supervised_token_however_the_rows_are_cut(any_model: LanguageModel) -> None:
    shake(any_model)
    rows = [any_model.encode(row) for row in ROWS]
    losses, grads = [], []
    for micro_tokens in (1, 96, 4096):  # one row at a time, two, all at once
        losses.append(backward_text(any_model, rows, micro_tokens))
        grads.append(gradients(any_model))
    # Reference: transformers' own loss, row by row, weighted by supervised tokens.
    total = 0.0
    for row in rows:
        ids = torch.tensor([row])
        loss = any_model.network(input_ids=ids, labels=ids).loss
        total += loss.item() * (len(row) - 1)
        (loss * (len(row) - 1) / sum(len(r) - 1 for r in rows)).backward()
    reference = gradients(any_model)
    assert losses == pytest.approx([total / sum(len(r) - 1 for r in rows)] * 3, abs=1e-5)
    for found in grads:
        for name, grad in found.items():
            torch.testing.assert_close(grad, reference[name], atol=1e-5, rtol=1e-3)


def test_nothing_to_learn_is_an_error(llama: LanguageModel) -> None:
    with pytest.raises(LithoError, match="no token to learn"):
        backward_text(llama, [[0]], 64)


def test_drift_term_is_zero_at_the_base_and_pulls_back_to_it(llama: LanguageModel) -> None:
    rows = [llama.encode(row)[:12] for row in ROWS]
    replay = Replay.read(llama, rows)
    lora.attach(llama, "x", rank=4, alpha=8, seed=0)
    assert replay.drift(llama) == 0.0
    assert backward_drift(llama, replay.ids_BT, replay.logits_BTV, 1.0) == 0.0
    assert all(g.abs().max() < 1e-6 for g in gradients(llama).values())
    lora.detach(llama)
    shake(llama)
    before = replay.drift(llama)
    base, tuned = (
        x.log_softmax(-1)
        for x in (replay.logits_BTV, llama.network(input_ids=replay.ids_BT).logits)
    )
    (base.exp() * (base - tuned)).sum(-1).mean().mul(2.0).backward()
    by_autograd = gradients(llama)
    assert before == pytest.approx(
        backward_drift(llama, replay.ids_BT, replay.logits_BTV, 2.0), rel=1e-4
    )
    for name, parameter in lora.weights(llama, "x").items():
        torch.testing.assert_close(parameter.grad, by_autograd[name], atol=1e-6, rtol=1e-3)
    with torch.no_grad():
        for parameter in lora.weights(llama, "x").values():
            assert parameter.grad is not None
            parameter.sub_(0.01 * parameter.grad)
    assert replay.drift(llama) < before


def test_controller_brings_a_drift_that_answers_to_its_weight_under_the_budget() -> None:
    controller = DriftController(budget=0.01)
    drift = 0.5
    for _ in range(200):
        drift = 0.2 / controller.weight
        controller.observe(drift)
    assert drift == pytest.approx(HEADROOM * 0.01, rel=0.05)


def test_controller_aims_at_the_drift_on_unseen_samples() -> None:
    controller = DriftController(budget=0.01)
    unseen = 0.5
    for step in range(200):
        unseen = 0.5 / controller.weight
        controller.observe(2 * unseen)  # replay rows drift twice as much
        if step % 5 == 0:
            controller.calibrate(unseen)
    assert unseen == pytest.approx(HEADROOM * 0.01, rel=0.05)


def check(anchor: float | None) -> Check:
    return Check(presentations=1, anchor=anchor, imprint={}, drift_self=0.0, drift_retention=0.0)


def test_the_anchor_forms_when_progress_ends() -> None:
    rising = [check(0.1 * i) for i in range(6)]
    assert not anchor_formed(rising)
    assert not anchor_formed([*rising, check(0.5), check(0.5)])
    assert anchor_formed(rising + [check(0.5)] * PATIENCE)
    assert not anchor_formed([check(None)] * 9)


@pytest.mark.parametrize("name", ["llama", "mamba"])
def test_replay_reads_the_base_even_under_an_adapter(
    name: str, make_model: Callable[[str], LanguageModel], tmp_path: Path
) -> None:
    model = make_model(name)
    rows = [model.encode(row)[:12] for row in ROWS]
    plain = Replay.read(model, rows).logits_BTV
    shake(model)
    assert torch.equal(Replay.read(model, rows).logits_BTV, plain)
