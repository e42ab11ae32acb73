"""Drift on a retention text, against one forward a row."""

import pytest
import torch

from litho.measure.printing.drift import retention_blocks, retention_drift
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
