"""The loop: a plain loop computes the same, and what it remembers is all that it needs."""

from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from litho.core.errors import LithoError
from litho.learn.schooling import gradients, loop
from litho.learn.schooling.loop import Schooling, Teaching
from litho.learn.schooling.rows import PackedRows, Weights
from litho.model.learner import Learner, new_learner
from litho.model.micro import Shape
from litho.model.placement import ON_CPU

TEACHING = Teaching(batch_tokens=64, peak_lr=0.01, warmup=3, average_last=3, average_every=128)
SHAPE = Shape(50, 16, d=16, layers=1, heads=2, loops=2)


def learner() -> Learner:
    return new_learner(SHAPE, 0, None, ON_CPU)


def rows() -> PackedRows:
    ids = np.random.default_rng(0).integers(50, size=580)
    edges = np.asarray([0, 100, 350, 580])
    return PackedRows(ids, edges, np.asarray([2, 0, 1]), np.asarray([0, 1, 1]), 0, 16)


def trained(teaching: Teaching = TEACHING, steps: int = 10) -> Schooling:
    schooling = Schooling(learner(), teaching, ["a", "b"])
    schooling.begin()
    for _ in range(steps):
        schooling.step("one", rows(), 10)
    return schooling


def weights(schooling: Schooling) -> list[torch.Tensor]:
    return [weight.detach().clone() for weight in schooling.learner.weights.values()]


def test_a_plain_loop_computes_the_same() -> None:
    schooling = trained()
    plain = learner()
    parameters = list(plain.weights.values())
    optimizer = torch.optim.AdamW(parameters, betas=loop.BETAS, weight_decay=loop.DECAY)
    losses, snapshots = [], []
    for step in range(10):
        batch = rows().batch(step, 10)
        loss = F.cross_entropy(plain.logits(batch.ids_BT), batch.targets_BT.flatten())
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(parameters, loop.CLIP)
        optimizer.param_groups[0]["lr"] = 0.01 * min(1.0, (step + 1) / 3)
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
        if step in (5, 7, 9):  # every second step, the last three of them
            snapshots.append([weight.detach().clone() for weight in parameters])
    records = schooling.progress.records
    np.testing.assert_allclose([record["loss"] for record in records], losses, rtol=1e-5)
    for found, weight in zip(weights(schooling), parameters, strict=True):
        torch.testing.assert_close(found, weight.detach(), rtol=1e-4, atol=1e-5)
    schooling.take_mean()
    for found, *each in zip(weights(schooling), *snapshots, strict=True):
        torch.testing.assert_close(found, torch.stack(each).mean(0), rtol=1e-4, atol=1e-5)


def test_a_stage_that_is_cut_off_is_the_mean_of_its_last_weights() -> None:
    schooling = Schooling(learner(), TEACHING, ["a", "b"])
    schooling.begin()
    for _ in range(2):
        schooling.step("one", rows(), 10)
    assert schooling.progress.snapshots == 0
    schooling.end("one")
    before = weights(schooling)
    schooling.take_mean()
    assert all(map(torch.equal, weights(schooling), before))


def test_losses_of_subjects_make_the_loss() -> None:
    progress = trained().progress
    assert progress.tokens == 580 and progress.step == progress.steps == 10
    for record in progress.records:
        subjects = record["subjects"].values()
        whole = sum(loss * count for loss, count in subjects) / sum(count for _, count in subjects)
        assert whole == pytest.approx(record["loss"])
    count = {
        name: sum(r["subjects"].get(name, (0, 0))[1] for r in progress.records) for name in "ab"
    }
    assert count == {"a": 100, "b": 480}


def test_what_is_learned_does_not_depend_on_the_size_of_a_pass(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = weights(trained())
    monkeypatch.setattr(gradients, "PASS_TOKENS", 16)
    for one, other in zip(whole, weights(trained()), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("stop", [1, 6, 9])
def test_what_it_remembers_is_all_that_it_needs(stop: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "RECORDS", 3)
    whole = trained()
    other = Schooling(learner(), TEACHING, ["a", "b"])
    other.recall(trained(steps=stop).memory())
    for _ in range(10 - stop):
        other.step("one", rows(), 10)
    assert vars(other.progress) == vars(whole.progress)
    assert all(map(torch.equal, weights(whole), weights(other)))
    whole.take_mean(), other.take_mean()
    assert all(map(torch.equal, weights(whole), weights(other)))


def test_a_training_that_diverges_says_so() -> None:
    with pytest.raises(LithoError, match=r"diverged in stage 'one', .* train.peak_lr below 1e\+20"):
        trained(replace(TEACHING, peak_lr=1e20))


def test_a_document_may_be_kept_from_seeing_the_one_before() -> None:
    """Then the same is said of it wherever it stands, in values and in gradients."""
    one, other = ([0, *ids] for ids in np.random.default_rng(1).integers(1, 50, (2, 7)).tolist())
    apart = new_learner(SHAPE, 0, None, ON_CPU, apart=True)  # 0 ends a document
    packed, alone = (apart.logits(torch.tensor([ids])) for ids in ([*one, *other], other))
    torch.testing.assert_close(packed[8:], alone)
    torch.testing.assert_close(alone, learner().logits(torch.tensor([other])))
    across = learner().logits(torch.tensor([[*one, *other]]))
    torch.testing.assert_close(across[:8], packed[:8])
    assert not torch.allclose(across[8:], packed[8:], atol=1e-3)
    weights = list(apart.weights.values())
    gradients = (torch.autograd.grad(said.square().sum(), weights) for said in (packed[8:], alone))
    for found, expected in zip(*gradients, strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def weighed(scale: float = 1.0) -> PackedRows:
    """Rows of which some stretches count for nothing, some twice."""
    places = Weights(
        np.asarray([0, 60, 120, 400]), np.asarray([1, 0, 2, 1], np.float32) * np.float32(scale)
    )
    return replace(rows(), weights=places)


def test_weights_count_as_in_a_plain_loop() -> None:
    schooling = Schooling(learner(), TEACHING, ["a", "b"])
    schooling.begin()
    plain = learner()
    parameters = list(plain.weights.values())
    optimizer = torch.optim.AdamW(parameters, betas=loop.BETAS, weight_decay=loop.DECAY)
    for step in range(10):
        schooling.step("one", weighed(), 10)
        batch = weighed().batch(step, 10)
        assert batch.weights_BT is not None
        targets = batch.targets_BT.flatten()
        losses = F.cross_entropy(plain.logits(batch.ids_BT), targets, reduction="none")
        loss = (losses * batch.weights_BT.flatten()).sum() / batch.weights_BT.sum()
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(parameters, loop.CLIP)
        optimizer.param_groups[0]["lr"] = 0.01 * min(1.0, (step + 1) / 3)
        optimizer.step()
        optimizer.zero_grad()
    for found, weight in zip(weights(schooling), parameters, strict=True):
        torch.testing.assert_close(found, weight.detach(), rtol=1e-4, atol=1e-5)
    plainly = trained().progress
    assert schooling.progress.tokens == plainly.tokens  # what is told are losses without weights
    assert [r["subjects"]["b"][1] for r in schooling.progress.records] == [
        r["subjects"]["b"][1] for r in plainly.records
    ]


def test_only_the_proportion_of_weights_counts() -> None:
    def after(rows: PackedRows) -> list[torch.Tensor]:
        schooling = Schooling(learner(), TEACHING, ["a", "b"])
        schooling.begin()
        for _ in range(4):
            schooling.step("one", rows, 10)
        return weights(schooling)

    assert all(map(torch.equal, after(weighed()), after(weighed(4.0))))
    alike = replace(rows(), weights=Weights(np.asarray([0]), np.asarray([3], np.float32)))
    for one, other in zip(after(alike), after(rows()), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-6)
