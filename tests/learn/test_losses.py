"""Losses, however rows are cut, against transformers' own."""

import pytest
import torch

from litho.core.errors import LithoError
from litho.learn.losses import backward_targets, backward_text
from litho.model.loaded import LanguageModel
from litho.model.read.scoring import Target
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


def test_only_target_tokens_are_supervised(any_model: LanguageModel) -> None:
    shake(any_model)
    rows = [any_model.encode(row) for row in ROWS]
    targets = [Target(tuple(row), first) for row, first in zip(rows, (3, 1), strict=False)]
    found = backward_targets(any_model, targets, 4096, weight=0.5)
    gradient = gradients(any_model)
    counted = sum(len(target.ids) - target.first for target in targets)
    total = torch.tensor(0.0)
    for target in targets:
        logp_TV = any_model.network(torch.tensor([target.ids])).logits[0].float().log_softmax(-1)
        total = total - sum(
            logp_TV[i - 1, target.ids[i]] for i in range(target.first, len(target.ids))
        )
    (0.5 * total / counted).backward()
    assert found == pytest.approx(total.item() / counted, abs=1e-5)
    for name, expected in gradients(any_model).items():
        torch.testing.assert_close(gradient[name], expected, atol=1e-5, rtol=1e-3)
