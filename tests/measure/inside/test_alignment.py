"""Two models of different tokenizers."""

from collections.abc import Callable
from itertools import pairwise

import pytest
import torch

from litho.measure.inside.alignment import Stretches, aligned_difference, common_stretches
from litho.model.loaded import LanguageModel
from litho.model.state import State
from tests.builders import NORMALIZERS, TEXT, normalise


def test_stretches_end_where_both_tokenizers_end_a_token() -> None:
    # "the tower" as the|_tower and as t|he|_to|wer
    found = common_stretches([(0, 3), (3, 9)], [(0, 1), (1, 3), (3, 6), (6, 9)])
    assert found == Stretches([3, 9], [0, 1], [1, 3])
    # Several bytes of one letter end at the same character.
    assert common_stretches([(0, 1), (0, 1), (1, 2)], [(0, 2)]) == Stretches([2], [2], [0])
    # A token for a space that the tokenizer puts in has read nothing of the text.
    put_in, letters = [(0, 1), (0, 3)], [(0, 1), (1, 2), (2, 3)]
    assert common_stretches(put_in, letters) == Stretches([3], [1], [2])


@pytest.mark.parametrize("name", NORMALIZERS)
@pytest.mark.parametrize(
    "text", ["The cafe\u0301", "A  \ufb01ne cafe\u0301\u0323 x \n", "\u0301É ½"]
)
def test_stretches_are_the_whole_text_whatever_a_tokenizer_normalises(
    make_model: Callable[[str], LanguageModel], name: str, text: str
) -> None:
    first, second = make_model("llama"), make_model("gpt2")
    normalise(second, name)
    for before, after in ((first, second), (second, first), (second, second)):
        ends = aligned_difference(State(before), State(after), text).stretches.characters
        said = [text[a:b] for a, b in pairwise([0, *ends])]
        assert "".join(said) == text and all(said)
    assert "".join(second.pieces(text)) == text


def test_a_composed_letter_ends_behind_its_accent(
    make_model: Callable[[str], LanguageModel],
) -> None:
    composed, text = make_model("gpt2"), "cafe\u0301 x"
    normalise(composed, "NFC")
    both = common_stretches(make_model("llama").spans(text), composed.spans(text))
    assert both.characters == [1, 2, 3, 5, 6, 7]  # not between the letter and its accent


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
