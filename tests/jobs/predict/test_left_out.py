"""Replaying a training without some of its texts, against really training without them."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from litho.jobs.predict.left_out import record, replay, set_weights, weights_of
from litho.learn.records import Recipe
from litho.measure.printing.probes import score
from litho.model.adapters import lora
from litho.model.adapters.spec import AdapterSpec
from litho.model.loaded import LanguageModel
from litho.model.state import State
from tests.builders import QUESTIONS, TEXTS, attach_for

ORDER = (3, 0, 5, 1, 4, 2, 1, 5, 2, 3, 0, 4)


def rows_of(model: LanguageModel) -> list[list[int]]:
    return [model.encode(text.text) for text in TEXTS[:6]]


@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
def test_nothing_left_out_gives_the_trained_weights(llama: LanguageModel, optimizer: str) -> None:
    recipe = Recipe(rank=2, alpha=4, learning_rate=0.01, optimizer=optimizer)
    attach_for(llama, recipe)
    trajectory = record(llama, "x", recipe, rows_of(llama), ORDER)
    trained_P = weights_of(llama, "x")
    lora.detach(llama)
    assert not torch.equal(trained_P, trajectory.start_P)
    assert torch.allclose(replay(trajectory, ()), trained_P, rtol=0, atol=1e-7)


def test_the_last_texts_can_be_left_out_exactly(llama: LanguageModel) -> None:
    """What comes before them does not depend on them."""
    recipe, rows = Recipe(rank=2, alpha=4, learning_rate=0.01), rows_of(llama)
    attach_for(llama, recipe)
    trajectory = record(llama, "x", recipe, rows, (0, 1, 2, 0, 1, 3, 4))
    lora.detach(llama)
    attach_for(llama, recipe)
    record(llama, "x", recipe, rows, (0, 1, 2, 0, 1))
    assert torch.allclose(replay(trajectory, {3, 4}), weights_of(llama, "x"), rtol=0, atol=1e-7)


def test_the_first_step_that_is_left_trains_no_a(llama: LanguageModel) -> None:
    recipe, rows = Recipe(rank=2, alpha=4, learning_rate=0.01), rows_of(llama)
    attach_for(llama, recipe)
    trajectory = record(llama, "x", recipe, rows, (0, 1))
    lora.detach(llama)
    attach_for(llama, recipe)
    record(llama, "x", recipe, rows, (1,))
    trained = lora.weights(llama, "x")
    is_A_P = torch.cat([torch.full((w.numel(),), ".lora_A." in n) for n, w in trained.items()])
    assert torch.equal(replay(trajectory, {0})[is_A_P], weights_of(llama, "x")[is_A_P])


def test_a_replay_says_what_leaving_out_does(llama: LanguageModel) -> None:
    recipe, rows = Recipe(rank=2, alpha=4, learning_rate=5e-4), rows_of(llama)

    def answers() -> np.ndarray:
        with torch.no_grad():
            return np.array(score(State(llama, ("x",)), QUESTIONS))

    attach_for(llama, recipe)
    trajectory = record(llama, "x", recipe, rows, ORDER)
    full = answers()
    replayed = []
    for text in range(len(rows)):
        set_weights(llama, "x", replay(trajectory, {text}))
        replayed.append(full - answers())
    lora.detach(llama)
    measured = []
    for text in range(len(rows)):
        attach_for(llama, recipe)
        record(llama, "x", recipe, rows, [number for number in ORDER if number != text])
        measured.append(full - answers())
        lora.detach(llama)
    found, true = np.array(replayed), np.array(measured)
    for question in range(len(QUESTIONS)):
        assert np.corrcoef(found[:, question], true[:, question])[0, 1] > 0.95
        # Another text's effects would not do.
        wrong = np.roll(found[:, question], 1)
        assert np.corrcoef(wrong, true[:, question])[0, 1] < 0.5


def test_weights_come_back(make_model: Callable[[str], LanguageModel]) -> None:
    model = make_model("gpt2")
    lora.attach(model, "x", AdapterSpec(2, 4, seed=0))
    drawn_P = torch.randn_like(weights_of(model, "x"))
    set_weights(model, "x", drawn_P)
    assert torch.equal(weights_of(model, "x"), drawn_P)
