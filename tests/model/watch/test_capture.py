"""Hidden states against transformers' own."""

import pytest
import torch

from litho.model.loaded import LanguageModel
from litho.model.watch import capture
from litho.model.watch.capture import hidden_states
from tests.builders import ROWS, random_network


@pytest.mark.parametrize("long", [False, True])
def test_hidden_states_equal_transformers_own(
    any_model: LanguageModel, long: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = any_model.encode(ROWS[0])
    if long:
        monkeypatch.setattr(capture, "PLACES", len(ids) - 1)
    found = hidden_states(any_model, ids)
    assert (found.logits_TV is None) == long
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in any_model.network.modules())
    with torch.no_grad():
        out = any_model.network(input_ids=torch.tensor([ids]), output_hidden_states=True)
    # transformers' last entry has the final norm applied; for mamba the first is block 0's output.
    mamba = any_model.network.config.model_type == "mamba"
    own = found.residual[1:] if mamba else found.residual[:-1]
    for mine, theirs in zip(own, out.hidden_states[:-1], strict=False):
        torch.testing.assert_close(mine, theirs[0], atol=1e-5, rtol=0)
    for places in ((0, len(ids)), (2, 5)):
        expected = out.logits[0, slice(*places)]
        torch.testing.assert_close(found.logits(any_model, *places), expected, atol=1e-5, rtol=1e-5)
        assert long or torch.equal(found.logits(any_model, *places), expected)


def test_logits_that_are_more_than_the_output_head_are_kept(
    llama: LanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(capture, "PLACES", 2)
    llama.network = random_network("gemma2", head_dim=8, final_logit_softcapping=2.0)
    llama.network.lm_head.weight.data.mul_(20)
    ids = llama.encode(ROWS[0])
    found = hidden_states(llama, ids)
    with torch.no_grad():
        expected = llama.network(input_ids=torch.tensor([ids])).logits[0]
    assert expected.abs().max() > 1.5
    torch.testing.assert_close(found.logits(llama, 0, len(ids)), expected, atol=1e-5, rtol=1e-5)
