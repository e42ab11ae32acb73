"""Two states on one text: zeros where nothing changed, definitions elsewhere."""

import torch

from litho.measure.inside import difference
from litho.measure.inside.difference import Difference, own_effects
from litho.measure.inside.states import read_state
from litho.model.adapters import lora
from litho.model.adapters.spec import AdapterSpec
from litho.model.loaded import LanguageModel
from litho.model.state import State
from litho.model.watch.capture import blocks, hidden_states
from tests.builders import TEXT, shake


def compare(model: LanguageModel, adapter: str | None) -> Difference:
    base = read_state(State(model), model.encode(TEXT))
    return difference.compare(base, State(model, (adapter,) if adapter else ()))


def test_equal_states_differ_by_exactly_nothing(any_model: LanguageModel) -> None:
    lora.attach(any_model, "x", AdapterSpec(rank=2, alpha=4, seed=0))  # fresh: B is zero
    for adapter in (None, "x"):
        found = compare(any_model, adapter)
        zeros = [found.kl_T, found.reverse_kl_T, found.relative_LT]
        zeros += [] if found.js_LHT is None else [found.js_LHT]
        assert all(tensor.abs().max() == 0 for tensor in zeros)
        assert torch.equal(found.rank_before_L, found.rank_after_L)
        torch.testing.assert_close(found.cka_L, torch.ones_like(found.cka_L), atol=1e-9, rtol=0)
    base = read_state(State(any_model), any_model.encode(TEXT))
    assert own_effects(base, State(any_model, ("x",))).abs().max() == 0


def test_difference_against_its_definitions(any_model: LanguageModel) -> None:
    shake(any_model)
    found = compare(any_model, "x")
    readings = []
    for adapter in (None, "x"):
        with any_model.state(adapter):
            ids = any_model.encode(TEXT)
            hidden = hidden_states(any_model, ids)
            logits_TV = any_model.network(torch.tensor([ids]), use_cache=False).logits[0]
        # The opening token is none of the text's.
        readings.append((hidden.residual[1][1:], logits_TV[1:].log_softmax(-1)))
    (old, logp), (new, logq) = readings
    torch.testing.assert_close(
        found.kl_T, (logp.exp() * (logp - logq)).sum(-1), atol=1e-5, rtol=1e-4
    )
    torch.testing.assert_close(
        found.reverse_kl_T, (logq.exp() * (logq - logp)).sum(-1), atol=1e-5, rtol=1e-4
    )
    expected = (new - old).norm(dim=-1) / old.norm(dim=-1)
    torch.testing.assert_close(found.relative_LT[0], expected, atol=1e-6, rtol=1e-4)
    assert (found.js_LHT is None) == (any_model.source.name == "tiny:mamba")


def test_only_the_touched_block_has_an_effect_of_its_own(any_model: LanguageModel) -> None:
    shake(any_model)
    with torch.no_grad():
        for name, parameter in lora.weights(any_model, "x").items():
            if ".1." not in name:
                parameter.zero_()
    touched = any(".1." in name for name in lora.weights(any_model, "x"))
    assert touched and len(blocks(any_model)) == 3
    base = read_state(State(any_model), any_model.encode(TEXT))
    effect_L = own_effects(base, State(any_model, ("x",))).mean(1)
    assert effect_L[1] > 0 and effect_L[0] == effect_L[2] == 0
    # The accumulated difference goes on to the end.
    relative_L = compare(any_model, "x").relative_LT.mean(1)
    assert relative_L[0] == 0 and relative_L[1] > 0 and relative_L[2] > 0
    torch.testing.assert_close(relative_L[1], effect_L[1], atol=1e-6, rtol=1e-4)
