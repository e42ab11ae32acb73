"""Rows that share beginnings, against each row alone."""

import random

import pytest
import torch

from litho.model.loaded import LanguageModel
from litho.model.read import prefixes
from litho.model.read.prefixes import read_rows
from litho.model.read.scoring import logits
from tests.builders import TEXT, changed


def test_rows_that_share_beginnings_are_read_as_if_alone(any_model: LanguageModel) -> None:
    chance = random.Random(1)
    texts = [TEXT, TEXT, TEXT[:90], *(changed(TEXT, chance) for _ in range(6)), "Another text."]
    rows = [any_model.encode(text) for text in texts]
    before: list[int] = []
    seen = set()
    for index, kept, found_TV in read_rows(any_model, rows):
        assert rows[index][:kept] == before[:kept]
        with torch.no_grad():
            alone_TV = logits(any_model, torch.tensor([rows[index]]))[0]
        torch.testing.assert_close(found_TV, alone_TV, atol=1e-4, rtol=1e-4)
        before = rows[index]
        seen.add(index)
    assert seen == set(range(len(rows)))


def test_shared_beginnings_are_read_once(
    llama: LanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_tokens = []

    def counted(model: LanguageModel, ids_BT: torch.Tensor, **rest: object) -> torch.Tensor:
        read_tokens.append(ids_BT.numel())
        return logits(model, ids_BT, **rest)  # type: ignore[arg-type]

    monkeypatch.setattr(prefixes, "logits", counted)
    rows = [llama.encode(TEXT + tail) for tail in ("", " Again.", " Once more.", " Again and on.")]
    list(read_rows(llama, rows))
    beginnings = {tuple(row[:end]) for row in rows for end in range(1, len(row) + 1)}
    assert sum(read_tokens) == len(beginnings)
