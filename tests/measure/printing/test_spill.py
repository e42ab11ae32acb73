"""Spill and locality, against single scores."""

import pytest
import torch

from litho.measure.printing.locality import greedy_answers, locality
from litho.measure.printing.probes import score
from litho.measure.printing.spill import spill, spill_scores
from litho.model.loaded import LanguageModel
from litho.model.state import State
from litho.text.items import Probe


def test_spill_and_locality_against_single_scores(llama: LanguageModel) -> None:
    prefixes, targets = ["The cat sat", "Once I"], ["tower", "choir"]
    assert spill_scores(State(llama), [], prefixes) == ([], [])
    before = spill_scores(State(llama), targets, prefixes)
    for target, found in zip(targets, before.whole, strict=True):
        single = [
            score(State(llama), [Probe(kind="gen", prefix=prefix, target=target)])[0]
            for prefix in prefixes
        ]
        assert found == pytest.approx(sum(single) / 2, abs=1e-5)
    for target, found in zip(targets, before.first, strict=True):
        ids = [llama.encode(f"{prefix} {target}") for prefix in prefixes]
        places = [len(llama.encode(prefix)) for prefix in prefixes]
        logp = [llama.network(torch.tensor([row])).logits[0].log_softmax(-1) for row in ids]
        single = [p[at - 1, row[at]].item() for p, at, row in zip(logp, places, ids, strict=True)]
        assert found == pytest.approx(sum(single) / 2, abs=1e-4)
    facts = [Probe(kind="neighbour", prefix="Two and two make", target="four")]
    answers = greedy_answers(State(llama), facts)
    assert len(answers[0]) == len(" four")
    assert locality(answers, answers).value == 1.0
    assert locality(answers, [[0]]).value == 0.0
    assert spill(before.whole, [b + 0.5 for b in before.whole]).value == pytest.approx(0.5)
