"""Drift on a retention text, against one forward a row."""

import math

import pytest
import torch

from litho.measure.printing.drift import retention_blocks, retention_drift
from litho.measure.printing.moved import CONTEXT, MOVED, SHOWN
from litho.model.adapters import lora
from litho.model.adapters.spec import AdapterSpec
from litho.model.loaded import LanguageModel
from tests.builders import TEXT, shake


def test_retention_drift_is_the_mean_kl_of_all_tokens(llama: LanguageModel) -> None:
    rows = retention_blocks(llama, TEXT * 3, 10_000)
    assert sum(len(row) - 1 for row in rows) <= len(llama.tokens(TEXT * 3))
    shake(llama)
    values = []
    for row in rows:
        with torch.no_grad():
            tuned = llama.network(input_ids=torch.tensor([row])).logits[0].log_softmax(-1)
            with llama.state(None):
                base = llama.network(input_ids=torch.tensor([row])).logits[0].log_softmax(-1)
        values += (base.exp() * (base - tuned)).sum(-1).tolist()
    found = retention_drift(llama, rows, ["x"])["x"]
    assert found.mean.value == pytest.approx(sum(values) / len(values), rel=1e-4)
    first = values[: len(rows[0])]
    assert found.by_row[0] == pytest.approx(sum(first) / len(first), rel=1e-4)


def test_moved_tokens_are_those_of_a_loop_over_all_distributions(llama: LanguageModel) -> None:
    llama.network.get_output_embeddings().weight.data.mul_(10)
    rows = [llama.encode(TEXT[:40]), llama.encode(TEXT[50:80])]
    shake(llama, scale=0.3)
    found = retention_drift(llama, rows, ["x"])["x"].moved
    slow: list[tuple[float, list[str], list[float]]] = []
    for row in rows:
        with torch.no_grad():
            tuned_TV = llama.network(input_ids=torch.tensor([row])).logits[0].double().softmax(-1)
            with llama.state(None):
                base_TV = llama.network(input_ids=torch.tensor([row])).logits[0].double()
        for place, (base_V, tuned_V) in enumerate(
            zip(base_TV.softmax(-1).tolist(), tuned_TV.tolist(), strict=True)
        ):
            moved = sum(p * math.log(p / q) for p, q in zip(base_V, tuned_V, strict=True))
            before, after = (
                (llama.decode([p_V.index(max(p_V))]), max(p_V)) for p_V in (base_V, tuned_V)
            )
            if moved > MOVED:
                context = " ".join(llama.decode(row[1 : place + 1]).split()[-CONTEXT:])
                follows = llama.decode(row[place + 1 : place + 2])
                slow.append((moved, [context, follows, before[0], after[0]], [before[1], after[1]]))
    assert found.count == len(slow) > SHOWN
    farthest = sorted(slow, reverse=True)[:SHOWN]
    for token, (value, words, probabilities) in zip(found.farthest, farthest, strict=True):
        said = [token.context, token.word, token.before.word, token.after.word]
        assert said == words
        assert token.kl == pytest.approx(value, rel=1e-3)
        found_there = [token.before.probability, token.after.probability]
        assert found_there == pytest.approx(probabilities, rel=1e-3)


def test_a_fresh_adapter_moves_no_token(llama: LanguageModel) -> None:
    lora.attach(llama, "new", AdapterSpec(rank=2, alpha=4, seed=0))
    moved = retention_drift(llama, [llama.encode(TEXT)], ["new"])["new"].moved
    assert (moved.count, moved.farthest) == (0, [])
