"""Micro fine-tunes against plain PEFT."""

from collections.abc import Sequence
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from torch import Tensor
from transformers import AutoModelForCausalLM

from litho.core.errors import LithoError
from litho.learn.recipe import follow, follow_in_turn, read_and_ask, train_and_ask
from litho.learn.records import Recipe
from litho.model.adapters import lora, targets
from litho.model.loaded import LanguageModel
from tests.builders import QUESTIONS, TEXT, attach_for


def plain_peft(
    model: LanguageModel, recipe: Recipe, texts: list[list[int]], modules: Sequence[str] | str
) -> tuple[list[float], dict[str, Tensor]]:
    """Losses and weights as anybody would get them without Litho; a text a step, in turn."""
    base = AutoModelForCausalLM.from_pretrained(model.source.folder, dtype=torch.float32)
    torch.manual_seed(recipe.seed)
    network = get_peft_model(
        base,
        LoraConfig(
            task_type="CAUSAL_LM",
            r=recipe.rank,
            lora_alpha=recipe.alpha,
            target_modules=modules if isinstance(modules, str) else list(modules),
            layers_to_transform=list(recipe.layers) if recipe.layers else None,
        ),
    )
    weights = {n: p for n, p in network.named_parameters() if p.requires_grad}
    make = torch.optim.AdamW if recipe.optimizer == "adamw" else torch.optim.SGD
    optimizer = make(weights.values(), lr=recipe.learning_rate, weight_decay=0.0)
    losses = []
    for step in range(recipe.steps):
        ids_BT = torch.tensor([texts[step % len(texts)]])
        loss = network(input_ids=ids_BT, labels=ids_BT).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
    return losses, {name.replace(".default.", ".x."): p for name, p in weights.items()}


def check_against_plain(
    model: LanguageModel, recipe: Recipe, modules: Sequence[str] | str
) -> dict[str, Any]:
    ids = model.encode(TEXT)
    expected_losses, expected = plain_peft(model, recipe, [ids], modules)
    attach_for(model, recipe)
    losses = [loss for _, loss in follow(model, "x", recipe, ids)]
    assert losses == pytest.approx(expected_losses, abs=1e-5)
    found = lora.weights(model, "x")
    assert found.keys() == expected.keys()
    for name, weight in found.items():
        torch.testing.assert_close(weight, expected[name], atol=1e-5, rtol=1e-4)
    return dict(found)


def test_a_recipe_means_what_plain_peft_does(any_model: LanguageModel) -> None:
    modules = targets.target_modules(any_model)
    recipe = Recipe(rank=2, alpha=4, learning_rate=1e-3, steps=4, seed=3)
    weights = check_against_plain(any_model, recipe, modules)
    assert any(weight.abs().max() > 0 for name, weight in weights.items() if "lora_B" in name)


def test_a_recipe_for_some_modules_and_layers(llama: LanguageModel) -> None:
    kinds = ("q_proj", "down_proj")
    recipe = Recipe(
        rank=2,
        alpha=4,
        learning_rate=0.1,
        steps=3,
        optimizer="sgd",
        target_modules=kinds,
        layers=(1,),
    )
    weights = check_against_plain(llama, recipe, kinds)
    assert len(weights) == 2 * len(kinds) and all(".1." in name for name in weights)


def test_texts_in_turn_are_what_plain_peft_reads_in_turn(llama: LanguageModel) -> None:
    recipe = Recipe(rank=2, learning_rate=1e-2, steps=5, seed=1)
    read = [llama.encode(text) for text in (TEXT, "A goat.", TEXT, "It sings.", "A goat.")]
    modules = targets.target_modules(llama)
    expected_losses, expected = plain_peft(llama, recipe, read, modules)
    attach_for(llama, recipe)
    losses = [loss for _, loss in follow_in_turn(llama, "x", recipe, read)]
    assert losses == pytest.approx(expected_losses, abs=1e-5)
    for name, weight in lora.weights(llama, "x").items():
        torch.testing.assert_close(weight, expected[name], atol=1e-5, rtol=1e-4)


def test_one_text_again_and_again_is_the_recipe_itself(llama: LanguageModel) -> None:
    recipe = Recipe(rank=2, learning_rate=1e-2, steps=4)
    again = read_and_ask(llama, recipe, [TEXT] * 4, QUESTIONS, [2, 4])
    once = train_and_ask(llama, recipe, TEXT, QUESTIONS, [2, 4])
    assert (again["answers"], again["losses"]) == (once["answers"], once["losses"])


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"target_modules": ("wrong",)}, "no linear layer called 'wrong'"),
        ({"layers": (7,)}, "there is no layer 7"),
        ({"target_modules": ()}, "no linear layer is left"),
        ({"learning_rate": 1e30, "steps": 9}, "diverged at step"),
    ],
)
def test_recipes_that_cannot_be_followed(
    llama: LanguageModel, changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(LithoError, match=said):
        train_and_ask(llama, Recipe(rank=2, **changes), TEXT, [], [])
    assert not llama.adapters
