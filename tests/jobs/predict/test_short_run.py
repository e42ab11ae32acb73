"""Short runs against the steps that they stand for."""

import numpy as np
import pytest
import torch

from litho.jobs.predict.first_order import first_order
from litho.jobs.predict.left_out import weights_of
from litho.jobs.predict.short_run import cosines, short_run, strides
from litho.learn.recipe import follow
from litho.learn.records import Recipe
from litho.measure.printing.probes import score
from litho.model.adapters import lora
from litho.model.loaded import LanguageModel
from litho.model.read.scoring import Target
from litho.model.state import State
from tests.builders import QUESTIONS, TEXT, TEXTS, Silent, attach_for, random_network, targets_of


def test_a_short_run_takes_the_steps_of_the_optimizer_along_each_gradient(
    llama: LanguageModel,
) -> None:
    recipe, ids = Recipe(learning_rate=1e-2, steps=6), llama.encode(TEXT)
    attach_for(llama, recipe)
    assert [done for done, _ in follow(llama, "x", recipe, ids, (1, 2, 3))] == [1, 3, 6]
    found = weights_of(llama, "x")
    lora.detach(llama)
    attach_for(llama, recipe)
    optimizer = torch.optim.AdamW(lora.weights(llama, "x").values(), lr=1e-2, weight_decay=0.0)
    ids_BT = torch.tensor([ids])
    for stride in (1, 2, 3):
        optimizer.zero_grad()
        with llama.state("x"):
            llama.network(input_ids=ids_BT, labels=ids_BT).loss.backward()
        for _ in range(stride):
            optimizer.step()
    assert torch.allclose(found, weights_of(llama, "x"), atol=1e-5)
    lora.detach(llama)


@pytest.mark.parametrize("silent", [False, True])
def test_short_runs_know_how_alike_first_steps_are(llama: LanguageModel, silent: bool) -> None:
    if silent:  # units that no text wakes: some of B has no gradient at all
        llama.network = random_network("opt", ffn_dim=64, word_embed_proj_dim=32)
    recipe = Recipe(learning_rate=1e-2, steps=3)
    texts = [Target(tuple(llama.encode(text.text)), 1) for text in TEXTS]
    expected_TT = first_order(llama, recipe, texts, targets_of(llama), Silent()).cosines_TT
    runs = [short_run(llama, recipe, text.text, QUESTIONS) for text in TEXTS]
    found_TT = cosines([run["first_step"] for run in runs])
    pairs = np.triu_indices(len(TEXTS), k=1)
    assert np.ptp(expected_TT[pairs]) > 0.2
    assert np.abs(found_TT - expected_TT).max() < 0.04


def test_strides_cover_the_recipe() -> None:
    assert strides(20) == (1, 3, 4, 4, 4, 4)
    assert all(sum(strides(steps)) == steps for steps in range(1, 40))


def test_a_short_run_of_one_step_is_the_run(llama: LanguageModel) -> None:
    recipe = Recipe(steps=1, learning_rate=1e-2)
    found = short_run(llama, recipe, TEXT, QUESTIONS)["answers"]
    attach_for(llama, recipe)
    for _ in follow(llama, "x", recipe, llama.encode(TEXT)):
        pass
    with torch.no_grad():
        assert found == score(State(llama, ("x",)), QUESTIONS)
    lora.detach(llama)
