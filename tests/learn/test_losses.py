"""Losses, however rows are cut, against transformers' own."""

import pytest
import torch

from litho.core.errors import LithoError
from litho.learn.losses import backward_text
from litho.model.loaded import LanguageModel
from tests.builders import ROWS, gradients, shake


def test_loss_is_per_supervised_token_however_the_rows_are_cut(any_model: LanguageModel) -> None:
    shake(any_model)
    rows = [any_model.encode(row) for row in ROWS]
    losses, grads = [], []
    for micro_tokens in (1, 96, 4096):  # one row at a time, two, all at once
        losses.append(backward_text(any_model, rows, micro_tokens))
        grads.append(gradients(any_model))
    # Reference: transformers' own loss, row by row, weighted by supervised tokens.
    total = 0.0
    for row in rows:
        ids = torch.tensor([row])
        loss = any_model.network(input_ids=ids, labels=ids).loss
        total += loss.item() * (len(row) - 1)
        (loss * (len(row) - 1) / sum(len(r) - 1 for r in rows)).backward()
    reference = gradients(any_model)
    assert losses == pytest.approx([total / sum(len(r) - 1 for r in rows)] * 3, abs=1e-5)
    for found in grads:
        for name, grad in found.items():
            torch.testing.assert_close(grad, reference[name], atol=1e-5, rtol=1e-3)


def test_nothing_to_learn_is_an_error(llama: LanguageModel) -> None:
    with pytest.raises(LithoError, match="no token to learn"):
        backward_text(llama, [[0]], 64)
