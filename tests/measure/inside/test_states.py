"""One state read on one text."""

import pytest
import torch

from litho.core.errors import LithoError
from litho.measure.inside.states import distributions, read_state
from litho.model.loaded import LanguageModel
from litho.model.state import State
from tests.builders import TEXT


def test_a_broken_number_is_named_by_its_place(llama: LanguageModel) -> None:
    llama.network.model.layers[1].mlp.down_proj.weight.data[0, 0] = float("nan")
    with pytest.raises(LithoError, match="NaN or infinity at layer 1, token 0"):
        read_state(State(llama), llama.encode(TEXT))


def test_the_likeliest_are_those_of_a_plain_search() -> None:
    logits_NV = torch.randn(7, 40 * 64, generator=torch.Generator().manual_seed(0)) * 4
    found = distributions(logits_NV)
    expected = logits_NV.softmax(-1).topk(found.likeliest_NK.shape[1])
    assert torch.equal(found.likeliest_NK, expected.indices)
    assert torch.equal(found.probability_NK, expected.values)
    torch.testing.assert_close(found.normalizer_N1, logits_NV.logsumexp(-1, keepdim=True))
