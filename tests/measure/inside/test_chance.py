"""Random updates of given norms."""

import pytest

from litho.measure.inside import chance, difference
from litho.measure.inside.difference import Difference
from litho.measure.inside.states import read_state
from litho.model.adapters import targets, updates
from litho.model.loaded import LanguageModel
from litho.model.state import State
from tests.builders import TEXT


def compare(model: LanguageModel, adapter: str | None) -> Difference:
    base = read_state(State(model), model.encode(TEXT))
    return difference.compare(base, State(model, (adapter,) if adapter else ()))


def test_random_updates_have_the_norms_that_were_asked_for(any_model: LanguageModel) -> None:
    before = {n: p.clone() for n, p in any_model.network.named_parameters()}
    names = targets.target_modules(any_model)
    kinds = sorted({updates.kind(name) for name in names})
    asked = {kind: 0.5 + number for number, kind in enumerate(kinds)}
    chance.prepare(any_model, rank=2)
    with chance.by_chance(State(any_model), asked, seed=7) as state:
        assert updates.update_norms(any_model, chance.NAME) == pytest.approx(asked, rel=1e-5)
        found = compare(any_model, state.adapters[0])
        assert found.kl_T.max() > 0
        merged = any_model.network.merge_and_unload(adapter_names=[chance.NAME])
    for name in names:  # every layer has its equal part
        norm = (merged.get_submodule(name).weight - before[f"{name}.weight"]).norm().item()
        assert norm == pytest.approx(asked[updates.kind(name)] / 3**0.5, rel=1e-3)


def test_what_a_random_update_does_not_reach_is_spread_over_the_rest(llama: LanguageModel) -> None:
    chance.prepare(llama, rank=2)
    with chance.by_chance(
        State(llama), {"model.embed_tokens": 2.0, "self_attn.q_proj": 1.0}, seed=7
    ):
        norms = updates.update_norms(llama, chance.NAME)
    assert sum(norm**2 for norm in norms.values()) == pytest.approx(5)
    assert norms["mlp.down_proj"] ** 2 == pytest.approx(4 / 7)
    assert norms["self_attn.q_proj"] ** 2 == pytest.approx(4 / 7 + 1)


def test_nothing_of_a_random_update_remains(llama: LanguageModel) -> None:
    chance.prepare(llama, rank=2)
    with chance.by_chance(State(llama), {"self_attn.q_proj": 2.5}, seed=7):
        pass
    assert compare(llama, chance.NAME).kl_T.max() == 0
