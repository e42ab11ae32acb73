"""Depth of a chain: what one pair shows against slow references, and what many of them say."""

import random
from collections.abc import Callable

import pytest
import torch

from litho.measure.trails.asked import Asked, apart, asked
from litho.measure.trails.depth import (
    Depth,
    causal_layer,
    depth_curves,
    routing_layer,
    verbal_layer,
)
from litho.measure.trails.depth_reading import depth_of
from litho.measure.trails.looking import pointers, preference
from litho.model.loaded import LanguageModel
from litho.model.watch.capture import blocks
from litho.text.trails.chains import Draw, draw
from litho.text.trails.library import parse_library
from tests.builders import TRAILS

LIBRARY = parse_library(TRAILS, "trails.yaml")


@pytest.mark.parametrize("name", ["llama", "gpt2", "gpt-neox"])
def test_one_pair_against_eager_attention(
    name: str, make_model: Callable[[str], LanguageModel]
) -> None:
    model = make_model(name)
    pair = draw(LIBRARY, LIBRARY.forms[0], Draw(0, True, 0), random.Random(1), apart(model))
    chain, pointing = asked(model, pair, near=True), pointers(model, pair)
    found = depth_of(model, chain, pointing)
    model.network.set_attn_implementation("eager")
    shares, masses = [], []
    for row, pointer in zip(chain.rows[:2], pointing, strict=True):
        with torch.no_grad():
            seen = model.network(input_ids=torch.tensor([row]), output_attentions=True).attentions
        looks_LHT = torch.stack([layer[0, :, -1] for layer in seen])
        right_L, wrong_L = (
            looks_LHT[..., list(side)].sum((1, 2)) for side in (pointer.right, pointer.wrong)
        )
        shares.append((right_L - wrong_L) / (right_L + wrong_L))
        masses.append((right_L.sum(), wrong_L.sum()))
    model.network.set_attn_implementation("sdpa")
    right, wrong = (torch.stack(side).sum() for side in zip(*masses, strict=True))
    both = preference(model, chain.rows[:2], pointing)
    assert both == pytest.approx(((right - wrong) / (right + wrong)).item(), abs=1e-5)
    assert found.routing == pytest.approx(torch.stack(shares).mean(0).tolist(), abs=1e-4)
    assert found.flipped[0] == 0  # both contexts end with the same word
    near = depth_of(model, chain, near=True)
    assert near.routing == () and len(near.flipped) + 1 == len(near.said) == len(found.said)


def test_a_pair_whose_contexts_are_the_same_turns_nowhere(llama: LanguageModel) -> None:
    pair = draw(LIBRARY, LIBRARY.forms[0], Draw(0, True), random.Random(1), apart(llama))
    row, tokens = asked(llama, pair).rows[0], asked(llama, pair).tokens
    found = depth_of(llama, Asked((row, row), tokens))
    assert found.flipped == (0,) * len(blocks(llama))
    assert found.said == (0,) * (len(blocks(llama)) + 1)  # right in one, wrong in the other


def depth(routing: list[float], flipped: list[float], said: list[float]) -> Depth:
    return Depth(routing=tuple(routing), flipped=tuple(flipped), said=tuple(said))


def test_layers_are_those_from_which_on_it_is_so() -> None:
    chance = random.Random(0)
    found = {
        f"form {n}": [depth([chance.gauss(0, 0.1), 0.5 + chance.gauss(0, 0.1)], [0, 1], [0, 0, 1])]
        for n in range(8)
    }
    assert routing_layer(found) == 1
    curves = depth_curves(found)
    assert causal_layer(curves) == 1 and verbal_layer(curves) == 2
    assert [each.value for each in curves.flipped] == [0, 1]


def test_no_layer_where_nothing_is_beyond_chance() -> None:
    chance = random.Random(1)
    blind = {f"form {n}": [depth([chance.gauss(0, 0.3)] * 2, [0, 0.4], [0, 0.4])] for n in range(8)}
    curves = depth_curves(blind)
    assert routing_layer(blind) is causal_layer(curves) is verbal_layer(curves) is None
    unwatched = {f"form {n}": [Depth(routing=(None,), flipped=(1,), said=(1, 1))] for n in range(8)}
    assert routing_layer(unwatched) is None and depth_curves(unwatched).routing[0].value is None
    assert routing_layer({"one": [depth([1.0], [1], [1])]}) is None
