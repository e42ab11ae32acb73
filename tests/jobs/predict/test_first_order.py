"""First-order effects against short steps and plain backward passes."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from litho.core.errors import LithoError
from litho.jobs.predict.first_order import first_order
from litho.learn.recipe import follow, trainer_of
from litho.learn.records import Recipe
from litho.learn.sources import in_turn
from litho.measure.printing.probes import score
from litho.model.adapters import lora
from litho.model.loaded import LanguageModel
from litho.model.read.scoring import Target
from litho.model.state import State
from tests.builders import QUESTIONS, TEXT, TEXTS, Silent, attach_for, targets_of


@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
def test_the_first_order_is_what_a_short_step_does(llama: LanguageModel, optimizer: str) -> None:
    recipe = Recipe(learning_rate=1e-4, steps=1, optimizer=optimizer)
    encoded = [llama.encode(text.text) for text in TEXTS]
    texts = [Target(tuple(ids), 1) for ids in encoded]
    found = first_order(llama, recipe, texts, targets_of(llama), Silent())
    before = np.array(score(State(llama), QUESTIONS))
    for ids, expected_Q in zip(encoded, found.stretches_KTQ[0], strict=True):
        attach_for(llama, recipe)
        for _ in follow(llama, "x", recipe, ids):
            pass
        with torch.no_grad():
            measured_Q = np.array(score(State(llama, ("x",)), QUESTIONS)) - before
        lora.detach(llama)
        assert np.abs(measured_Q - expected_Q).max() < 0.05 * np.abs(measured_Q).max()
    assert len(found.stretches_KTQ) == 1
    assert np.allclose(found.cosines_TT.diagonal(), 1)
    assert np.allclose(found.cosines_TT, found.cosines_TT.T)


@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
def test_where_the_path_bends_the_gradient_is_that_of_the_moved_adapter(
    llama: LanguageModel, optimizer: str
) -> None:
    """By plain backward passes, and by what short steps from the start do."""
    rate = 1.0 if optimizer == "sgd" else 1e-2
    recipe = Recipe(learning_rate=rate, steps=20, optimizer=optimizer)
    encoded = [llama.encode(text.text) for text in TEXTS[:3]]
    texts = [Target(tuple(ids), 1) for ids in encoded]
    found = first_order(llama, recipe, texts, targets_of(llama), Silent())
    attach_for(llama, recipe)
    matrices = [w for path, w in lora.weights(llama, "x").items() if ".lora_B." in path]

    def direction(ids: list[int], moved_P: Tensor) -> Tensor:
        nn.utils.vector_to_parameters(moved_P.clone(), matrices)
        llama.network.zero_grad()
        trainer_of(llama, "x", recipe, in_turn([ids])).gradient()
        gradient_P = torch.cat([-w.grad.flatten() for w in matrices if w.grad is not None])
        return gradient_P if optimizer == "sgd" else gradient_P.sign()

    @torch.no_grad()
    def asked(moved_P: Tensor) -> np.ndarray:
        nn.utils.vector_to_parameters(moved_P, matrices)
        return np.array(score(State(llama, ("x",)), QUESTIONS))

    for number, ids in enumerate(encoded):
        moved_P, first_P = torch.zeros_like(nn.utils.parameters_to_vector(matrices)), None
        for stretch_TQ, length in zip(found.stretches_KTQ, (4, 4, 12), strict=True):
            step_P = direction(ids, moved_P)
            tiny = 3e-2 / step_P.norm().item()
            measured_Q = (asked(tiny * step_P) - asked(-tiny * step_P)) / (2 * tiny) * rate
            off_Q = np.abs(measured_Q - stretch_TQ[number])
            assert off_Q.max() < 0.05 * np.abs(measured_Q).max()
            if first_P is not None:
                assert torch.nn.functional.cosine_similarity(first_P, step_P, dim=0) < 0.99
            first_P = step_P if first_P is None else first_P
            moved_P = moved_P + length * rate * step_P
    straight_TQ, once_TQ, twice_TQ = found.estimates(20)
    first_TQ, second_TQ, third_TQ = found.stretches_KTQ
    assert np.allclose(straight_TQ, 20 * first_TQ)
    assert np.allclose(once_TQ, 4 * first_TQ + 16 * second_TQ)
    assert np.allclose(twice_TQ, 4 * first_TQ + 4 * second_TQ + 12 * third_TQ)


def test_a_path_that_leads_nowhere_is_named(llama: LanguageModel) -> None:
    recipe = Recipe(learning_rate=1e30, steps=9)
    text = Target(tuple(llama.encode(TEXT)), 1)
    with pytest.raises(LithoError, match="diverged at step 4"):
        first_order(llama, recipe, [text], targets_of(llama), Silent())
    assert not llama.adapters
