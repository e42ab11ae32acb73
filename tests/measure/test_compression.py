"""Bits of windows against a plain reading of all logits."""

import math

import pytest
import torch

from litho.measure.compression import WINDOW, costs, window_of
from litho.measure.readability import bits_per_byte
from litho.model.loaded import LanguageModel

TEXTS = ["The hen lays an egg.", "A naïve hen 🥚 sings " * 4, "No"]


def test_costs_are_the_bits_of_the_text(any_model: LanguageModel) -> None:
    for text, cost in zip(TEXTS, costs(any_model, TEXTS), strict=True):
        unread = "" if any_model.start else any_model.pieces(text)[0]
        assert cost.bytes == len(text.encode()) - len(unread.encode())
        if cost.bytes:
            expected = bits_per_byte(any_model, text) * len(text.encode())
            assert cost.bits == pytest.approx(expected, rel=1e-4)


@torch.no_grad()
def test_of_a_long_text_the_beginning_is_read(llama: LanguageModel) -> None:
    text = "The hen lays an egg. " * 200
    room = window_of(llama)
    assert room <= WINDOW and len(llama.tokens(text)) > room
    (cost,) = costs(llama, [text])
    ids = torch.tensor([llama.encode(text)[: len(llama.start) + room]])
    logp = llama.network(ids).logits[0].log_softmax(-1)[:-1].gather(1, ids[0, 1:, None])
    assert cost.bits == pytest.approx(-logp.sum().item() / math.log(2), rel=1e-4)
    assert text.encode().startswith("".join(llama.pieces(text)[:room]).encode()[: cost.bytes])
