"""Response maps against their definition."""

import pytest
import torch

from litho.measure.inside.response import compared_maps, response_map
from litho.model.adapters import lora
from litho.model.adapters.spec import AdapterSpec
from litho.model.loaded import LanguageModel
from litho.model.state import State
from litho.model.watch.capture import hidden_states
from tests.builders import TEXT, shake


def test_response_map_against_its_definition(llama: LanguageModel) -> None:
    found = response_map(State(llama), TEXT)
    ids = llama.encode(TEXT)
    residual = hidden_states(llama, ids).residual
    logits_TV = llama.network(torch.tensor([ids])).logits[0]
    assert "".join(token.text for token in found.tokens) == TEXT
    assert found.norm_LT[1, 3] == pytest.approx(residual[2][3].norm().item())
    change = (residual[2][3] - residual[1][3]).norm() / residual[1][3].norm()
    assert found.change_LT[1, 3].item() == pytest.approx(change.item(), rel=1e-5)
    logp = logits_TV.log_softmax(-1)
    token = found.tokens[4]
    assert token.surprise == pytest.approx(-logp[4, ids[5]].item(), rel=1e-5)
    assert token.rank == (logp[4] > logp[4, ids[5]]).sum().item() + 1
    assert token.alternatives[0][1] == pytest.approx(logp[4].max().exp().item(), rel=1e-5)


def test_drift_map_of_a_state_with_itself_is_zero(any_model: LanguageModel) -> None:
    lora.attach(any_model, "x", AdapterSpec(rank=2, alpha=4, seed=0))
    old, new, fresh = compared_maps(any_model, TEXT, None, "x")
    assert fresh.change_LT.abs().max() == 0 and fresh.kl_T.abs().max() == 0
    assert old.tokens == new.tokens
    lora.detach(any_model)
    alone = response_map(State(any_model), TEXT)
    shake(any_model)
    old, new, drift = compared_maps(any_model, TEXT, None, "x")
    assert old.tokens == alone.tokens != new.tokens
    assert drift.kl_T.max() > 0 and drift.change_LT.shape == old.change_LT.shape
