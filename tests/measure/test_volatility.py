"""Volatility with plain transformers, and of many variants at once against one forward of each."""

import random
from collections.abc import Callable
from functools import cache

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from litho.measure.volatility import read, token_edits, volatilities, volatility
from litho.model.loaded import LanguageModel
from litho.text.sentences import sentences
from tests.builders import TEXT, changed

OTHER = TEXT.replace("forty", "sixty").replace("Marek", "Pavel")


def test_volatility_recomputed_with_plain_transformers(llama: LanguageModel) -> None:
    # A same-length substitution, so that shared tokens stand at the same places.
    ids, other = llama.encode(TEXT), llama.encode(OTHER)
    with torch.no_grad():
        p = llama.network(input_ids=torch.tensor([ids])).logits[0].log_softmax(-1)
        q = llama.network(input_ids=torch.tensor([other])).logits[0].log_softmax(-1)
    shared = [t for t in range(1, len(ids)) if ids[t] == other[t]]
    kls = [(p[t].exp() * (p[t] - q[t])).sum().item() for t in shared]
    added = [
        -q[t - 1, other[t]].item() + (p[t - 1, ids[t]].item() if ids[t] == other[t] else 0.0)
        for t in range(1, len(ids))
    ]
    found = volatility(read(llama, (TEXT,)), read(llama, (OTHER,)))
    assert found.mean_kl == pytest.approx(sum(kls) / len(kls), rel=1e-4)
    assert found.max_surprise == pytest.approx(max(added), rel=1e-4)


def test_volatility_of_the_text_itself_is_nothing(any_model: LanguageModel) -> None:
    parent = read(any_model, (TEXT,))
    same = volatility(parent, read(any_model, (TEXT,)))
    assert (same.mean_kl, same.max_surprise) == (0.0, 0.0)
    assert token_edits(any_model, parent, (TEXT,)) == ()
    assert volatilities(any_model, parent, [(TEXT,)]) == [same]


def test_token_edits_rebuild_the_variant(llama: LanguageModel) -> None:
    parent = read(llama, (TEXT,))
    rebuilt, place = "", 0
    for edit in token_edits(llama, parent, (OTHER,)):
        rebuilt += llama.decode(parent.tokens[place : edit.start]) + edit.new
        place = edit.end
    assert rebuilt + llama.decode(parent.tokens[place:]) == OTHER


@pytest.mark.parametrize("scenes", [(TEXT,), tuple(sentences(TEXT))], ids=["one", "several"])
def test_many_volatilities_equal_those_of_single_forwards(
    any_model: LanguageModel, scenes: tuple[str, ...]
) -> None:
    chance = random.Random(2)
    variants = [tuple(changed(scene, chance) for scene in scenes) for _ in range(4)]
    variants += [tuple(sentences(TEXT)), (f"{TEXT} Again.",), scenes[::-1], ("Nothing in common",)]
    parent = read(any_model, scenes)
    judged = volatilities(any_model, parent, variants)
    for variant, found in zip(variants, judged, strict=True):
        expected = volatility(parent, read(any_model, variant))
        assert found.mean_kl == pytest.approx(expected.mean_kl, abs=1e-4)
        assert found.max_surprise == pytest.approx(expected.max_surprise, abs=1e-4)
    assert sum(found.mean_kl > 0 and found.max_surprise > 0.01 for found in judged) >= 5


LINES = st.text("abc de.", min_size=1, max_size=12)
SCENES = st.lists(LINES, min_size=1, max_size=3).map(tuple)


@settings(max_examples=25)
@given(parent=SCENES, variants=st.lists(SCENES, min_size=1, max_size=3))
def test_volatilities_of_any_rows_equal_those_of_single_forwards(
    make_model: Callable[[str], LanguageModel],
    parent: tuple[str, ...],
    variants: list[tuple[str, ...]],
) -> None:
    model = cached(make_model)
    reading = read(model, parent)
    for variant, found in zip(variants, volatilities(model, reading, variants), strict=True):
        expected = volatility(reading, read(model, variant))
        assert found.mean_kl == pytest.approx(expected.mean_kl, abs=1e-4)
        assert found.max_surprise == pytest.approx(expected.max_surprise, abs=1e-4)


@cache
def cached(make_model: Callable[[str], LanguageModel]) -> LanguageModel:
    return make_model("llama")
