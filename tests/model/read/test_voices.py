"""Two voices of one model."""

import pytest
import torch

from litho.model.loaded import LanguageModel
from litho.model.read.voices import OneOfTwo, mixed_samples


def test_two_voices_say_the_same_token(llama: LanguageModel) -> None:
    openings = [llama.tokens("The clock"), llama.tokens("It")]
    said = mixed_samples(llama, "abc", openings, 6, 0.5, seed=0)
    assert [len(row) for row in said] == [len(llama.start) + len(o) + 6 for o in openings]
    alone = mixed_samples(llama, "abc", openings, 6, 0.0, seed=0)
    assert alone == mixed_samples(llama, "something else", openings, 6, 0.0, seed=0)
    # Where one voice is sure of token 3 and the other of token 5:
    scores_BV = torch.full((2, 8), -torch.inf)
    scores_BV[0, 3] = scores_BV[1, 5] = 0.0
    chosen = [0, 0]
    mix = OneOfTwo(0.25, torch.Generator().manual_seed(0))
    for _ in range(400):
        first, second = mix(torch.zeros(2, 1), scores_BV).argmax(-1).tolist()
        assert first == second
        chosen[first == 5] += 1
    assert chosen[0] == pytest.approx(100, abs=30)
