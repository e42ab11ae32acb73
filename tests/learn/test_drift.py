"""The drift term against autograd; its controller; what is rehearsed."""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from statistics import fmean

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from litho.learn.checkpoint import Memory
from litho.learn.drift import (
    HEADROOM,
    SURVEY_AFTER,
    SURVEYED,
    DriftController,
    DriftGuard,
    Replay,
    UnreadReplay,
)
from litho.learn.losses import backward_drift
from litho.learn.trainable import TrainedAdapter
from litho.model.adapters import lora
from litho.model.adapters.spec import AdapterSpec
from litho.model.loaded import LanguageModel
from litho.model.state import State
from tests.builders import ROWS, TEXT, gradients, random_network, shake


def test_drift_term_is_zero_at_the_base_and_pulls_back_to_it(llama: LanguageModel) -> None:
    rows = [llama.encode(row)[:12] for row in ROWS]
    replay = Replay.read(llama, rows)
    lora.attach(llama, "x", AdapterSpec(rank=4, alpha=8, seed=0))
    assert replay.drift(State(llama, ("x",))) == 0.0
    assert set(backward_drift(llama, replay.ids_BT, replay.logits_BTV, 1.0)) == {0.0}
    assert all(g.abs().max() < 1e-6 for g in gradients(llama).values())
    lora.detach(llama)
    shake(llama)
    before = replay.drift(State(llama, ("x",)))
    base, tuned = (
        x.log_softmax(-1)
        for x in (replay.logits_BTV, llama.network(input_ids=replay.ids_BT).logits)
    )
    (base.exp() * (base - tuned)).sum(-1).mean().mul(2.0).backward()
    by_autograd = gradients(llama)
    assert before == pytest.approx(
        fmean(backward_drift(llama, replay.ids_BT, replay.logits_BTV, 2.0)), rel=1e-4
    )
    for name, parameter in lora.weights(llama, "x").items():
        torch.testing.assert_close(parameter.grad, by_autograd[name], atol=1e-6, rtol=1e-3)
    with torch.no_grad():
        for parameter in lora.weights(llama, "x").values():
            assert parameter.grad is not None
            parameter.sub_(0.01 * parameter.grad)
    assert replay.drift(State(llama, ("x",))) < before


def test_rows_that_are_read_when_drawn_pull_as_those_read_before(llama: LanguageModel) -> None:
    rows = [llama.encode(row)[:12] for row in ROWS]
    shake(llama)
    pulled = []
    for replay in (Replay.read(llama, rows), UnreadReplay.of(rows)):
        guard = DriftGuard(replay, DriftController(budget=0.01), rows=2, seed=3)
        with State(llama, ("x",)).active():
            pulled.append((guard.hold(llama, 5), gradients(llama)))
    (before, before_by_name), (drawn, drawn_by_name) = pulled
    assert drawn == pytest.approx(before, rel=1e-5)
    for name, gradient in before_by_name.items():
        torch.testing.assert_close(drawn_by_name[name], gradient, atol=1e-6, rtol=1e-4)


def test_the_base_reads_each_row_once(
    llama: LanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [llama.encode(row)[:12] for row in ROWS]
    shake(llama)
    read = watched(monkeypatch, llama)
    replay = UnreadReplay.of(rows)
    with State(llama, ("x",)).active():
        first = replay.part(llama, [0, 2])
        again = replay.part(llama, [2, 1])
    assert read == [1, 1, 1]  # rows of each pass
    assert torch.equal(again.logits_BTV[0], first.logits_BTV[1])
    alone = UnreadReplay.of(rows).part(llama, [2, 1])  # as in a run that was resumed
    assert torch.equal(alone.logits_BTV, again.logits_BTV)


def test_models_that_change_logits_behind_the_head_are_read_each_time(
    llama: LanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    llama.network = random_network("gemma2", head_dim=8, final_logit_softcapping=2.0)
    rows = [llama.encode(row)[:12] for row in ROWS]
    replay = UnreadReplay.of(rows)
    replay.part(llama, [0, 2])
    read = watched(monkeypatch, llama)
    drawn = replay.part(llama, [0, 2])
    assert read == [2]
    assert torch.equal(drawn.logits_BTV, Replay.read(llama, [rows[0], rows[2]]).logits_BTV)


def watched(monkeypatch: pytest.MonkeyPatch, model: LanguageModel) -> list[int]:
    """Rows of each pass through a model from now on."""
    read: list[int] = []
    whole = model.network.forward

    def forward(*args: object, **given: Tensor) -> object:
        read.append(len(given["input_ids"]))
        return whole(*args, **given)

    monkeypatch.setattr(model.network, "forward", forward)
    return read


@pytest.mark.parametrize("between", [1, 5, 10])
def test_controller_brings_a_drift_that_answers_to_its_weight_to_its_aim(between: int) -> None:
    controller = DriftController(budget=0.01)
    drift = 0.5
    for _ in range(200):
        drift = 0.2 / controller.weight
        controller.steps = between
        controller.observe(drift)
    assert drift == pytest.approx(HEADROOM * 0.01, rel=0.05)


def test_a_weight_that_was_not_used_does_not_change() -> None:
    controller = DriftController(budget=0.01)
    controller.observe(5.0)
    assert controller == DriftController(budget=0.01)


@pytest.mark.parametrize("name", ["llama", "mamba"])
def test_replay_reads_the_base_even_under_an_adapter(
    name: str, make_model: Callable[[str], LanguageModel], tmp_path: Path
) -> None:
    model = make_model(name)
    rows = [model.encode(row)[:12] for row in ROWS]
    plain = Replay.read(model, rows).logits_BTV
    shake(model)
    assert torch.equal(Replay.read(model, rows).logits_BTV, plain)


DRIFTS = st.floats(0, 1e6) | st.just(float("inf")) | st.just(float("nan"))


@given(
    seen=st.lists(st.tuples(DRIFTS, st.integers(0, 50)), min_size=1, max_size=40),
    budget=st.floats(1e-6, 10),
    least=st.floats(0, 100),
    width=st.floats(0, 1000),
)
def test_the_weight_stays_between_its_limits(
    seen: list[tuple[float, int]], budget: float, least: float, width: float
) -> None:
    greatest = least + width
    controller = DriftController(budget=budget, weight=40.0, least=least, greatest=greatest)
    fixed = DriftController.fixed(7.0, budget)
    for drift, steps in seen:
        for each in (controller, fixed):
            each.steps = steps
            each.observe(drift)
        assert least <= controller.weight <= greatest and fixed.weight == 7.0


def test_a_guard_has_a_controller_of_its_own(llama: LanguageModel) -> None:
    replay = Replay.read(llama, [llama.encode(row)[:12] for row in ROWS])
    shake(llama)
    controller = DriftController(budget=1e-6)
    guard, again = (DriftGuard(replay, controller, 2, seed=0) for _ in range(2))
    with TrainedAdapter(llama, "x").alone():
        drifts = [guard.hold(llama, done) for done in range(3)]
    assert controller == DriftController(budget=1e-6) != guard.controller
    again.recall(Memory(values=json.loads(json.dumps(guard.memory().values))))
    assert again.controller == guard.controller
    assert again._drawn(3) == guard._drawn(3)
    for done, drift in enumerate(drifts):
        fresh = DriftGuard(replay, controller, 2, seed=0)
        for earlier in range(done):
            fresh.hold(llama, earlier)
        part = replay.part(llama, fresh._drawn(done))
        assert drift == pytest.approx(part.drift(State(llama, ("x",))), rel=1e-4)


def test_the_drift_may_count_only_the_rows_that_drift_least(llama: LanguageModel) -> None:
    rows = [llama.encode(row)[:12] for row in (*ROWS, *ROWS[::-1])][:4]
    shake(llama)
    state = State(llama, ("x",))
    alone = sorted(Replay.read(llama, [row]).drift(state) for row in rows)
    assert Replay.read(llama, rows).drift(state) == pytest.approx(fmean(alone), rel=1e-4)
    counted = Replay.read(llama, rows, counted=0.6).drift(state)  # three of four
    assert counted == pytest.approx(fmean(alone[:3]), rel=1e-4)


def test_all_rows_are_looked_at_once(llama: LanguageModel) -> None:
    rows = [llama.encode(TEXT)[i : i + SURVEYED + 4] for i in range(6)]
    shake(llama)
    state = State(llama, ("x",))
    guard = DriftGuard(UnreadReplay.of(rows), DriftController(budget=0.01), rows=2, seed=0)
    with state.active(), lora.learning(llama, "x"):
        guard.hold(llama, SURVEY_AFTER - 1)
        assert len(guard.memory().values["drawn"]) == 2
        guard.hold(llama, SURVEY_AFTER)
    drawn = set(guard._drawn(SURVEY_AFTER))
    found = dict(guard.memory().values["drawn"])
    assert set(found) == set(range(6))
    for place in set(found) - drawn:
        beginning = Replay.read(llama, [rows[place][:SURVEYED]])
        assert found[place] == pytest.approx(beginning.drift(state), rel=1e-4)


def test_rows_that_drifted_more_are_drawn_more_often(llama: LanguageModel) -> None:
    replay = UnreadReplay.of([llama.encode(ROWS[0])[:12]] * 8)
    guard = DriftGuard(replay, DriftController(budget=0.01), rows=2, seed=0)
    even = Counter(row for done in range(400) for row in guard._drawn(done))
    assert all(70 <= even[row] <= 130 for row in range(8))  # 100 expected
    guard.recall(Memory(values=guard.memory().values | {"drawn": [[0, 0.04], [1, 0.0], [2, 0.01]]}))
    drawn = Counter(row for done in range(400) for row in guard._drawn(done))
    assert all(len(set(guard._drawn(done))) == 2 for done in range(20))
    assert drawn[0] > 1.5 * drawn[3] and 0 < drawn[1] < drawn[2] < drawn[3]
