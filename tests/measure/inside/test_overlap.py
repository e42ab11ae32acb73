"""Heads that two texts move."""

import torch

from litho.measure.inside import chance
from litho.measure.inside.effects import ComparedReadings
from litho.measure.inside.overlap import common_heads, judge_overlap
from litho.measure.inside.states import read_state
from litho.model.loaded import LanguageModel
from litho.model.state import State
from tests.builders import TEXT


def test_common_heads(llama: LanguageModel) -> None:
    chance.prepare(llama, rank=2)
    texts = [llama.encode(text) for text in (TEXT, TEXT[::-1])]
    bases = [read_state(State(llama), ids) for ids in texts]
    with chance.by_chance(State(llama), {"self_attn.q_proj": 3.0}, seed=1) as state:
        here, there = (
            ComparedReadings(base, read_state(state, ids), llama)
            for base, ids in zip(bases, texts, strict=True)
        )
    assert common_heads(here, here) == 1.0
    js_T = [
        torch.cat([heads.divergence_HT[:, 1:].mean(-1) for heads in c.heads.values()])
        for c in (here, there)
    ]
    assert len(js_T[0]) == 12  # three layers of four heads, of which the strongest is compared
    assert common_heads(here, there) == float(js_T[0].argmax() == js_T[1].argmax())
    same = ComparedReadings(bases[0], bases[0], llama)
    assert common_heads(same, here) is None
    loud = judge_overlap(0.9, [0.1, 0.2, 0.3, 0.2, 0.1], heads=100)
    quiet = judge_overlap(0.2, [0.1, 0.2, 0.3, 0.2, 0.1], heads=100)
    assert loud.places == 10 and loud.p < 0.01 < quiet.p
