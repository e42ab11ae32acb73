"""Two models of different tokenizers."""

from collections.abc import Callable

import pytest
import torch

from litho.measure.inside.alignment import Stretches, aligned_difference, common_stretches
from litho.model.loaded import LanguageModel
from litho.model.state import State
from tests.builders import TEXT


def test_stretches_end_where_both_tokenizers_end_a_token() -> None:
    # "the tower" as the|_tower and as t|he|_to|wer
    found = common_stretches([(0, 3), (3, 9)], [(0, 1), (1, 3), (3, 6), (6, 9)])
    assert found == Stretches([3, 9], [0, 1], [1, 3])
    # Several bytes of one letter end at the same character.
    assert common_stretches([(0, 1), (0, 1), (1, 2)], [(0, 2)]) == Stretches([2], [2], [0])


def test_aligned_surprise_is_the_sum_over_the_tokens(
    make_model: Callable[[str], LanguageModel],
) -> None:
    first, second = (State(make_model(name)) for name in ("llama", "gpt2"))
    found = aligned_difference(first, second, TEXT)
    for state, surprise_S in ((first, found.surprise_first_S), (second, found.surprise_second_S)):
        ids = state.model.encode(TEXT)
        logp = state.model.network(torch.tensor([ids])).logits[0].log_softmax(-1)
        expected = -logp[torch.arange(len(ids) - 1), ids[1:]].sum().item()
        assert surprise_S.sum().item() == pytest.approx(expected, rel=1e-5)
    same = aligned_difference(first, first, TEXT)
    assert same.cka_LM.diagonal().tolist() == pytest.approx([1.0] * 3)
