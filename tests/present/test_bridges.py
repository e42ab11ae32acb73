"""Bridges to surprising words, against one forward pass a token."""

import math

import pytest
import torch

from litho.model.loaded import LanguageModel
from litho.model.read.scoring import logits
from litho.present.bridges import (
    LOOKED_AT,
    SURPRISING,
    WHOLE,
    best_bridge,
    bridged,
    clauses_for,
    surprises,
    surprising_words,
)
from tests.builders import give_pieces

TEXT = "The stones of the bridge were cut by the builders of the town. The road leads over it."


@pytest.fixture
def wordy(llama: LanguageModel) -> LanguageModel:
    """A random model with opinions whose tokens are words and pieces of words."""
    give_pieces(llama, 1200)
    return llama


def slow_surprise(model: LanguageModel, before: str, word: str) -> float:
    """-log P of a word behind a text, one forward pass a token."""
    ids, total = model.encode(before), 0.0
    for token in model.encode(f"{before} {word}")[len(ids) :]:
        with torch.no_grad():
            logp = model.network(input_ids=torch.tensor([ids])).logits[0, -1].log_softmax(-1)
        total -= logp[token].item()
        ids = [*ids, token]
    return total


def test_the_most_surprising_words_are_found(wordy: LanguageModel) -> None:
    found = surprising_words(wordy, TEXT)
    assert len(found) == 2  # one a sentence
    for (start, end, surprise), sentence in zip(found, TEXT.split(". "), strict=True):
        word = TEXT[start:end]
        assert surprise == pytest.approx(slow_surprise(wordy, TEXT[: start - 1], word), abs=1e-3)
        assert surprise >= SURPRISING and word in sentence.split()[1:]
    first = TEXT.split(". ")[0].split()
    others = {
        word: slow_surprise(wordy, " ".join(first[:i]), word)
        for i, word in enumerate(first)
        if i and len(word) > 2
    }
    assert TEXT[found[0][0] : found[0][1]] == max(others, key=others.__getitem__)


def test_a_bridge_is_the_clause_behind_which_the_word_is_likeliest(wordy: LanguageModel) -> None:
    before, word = "The stones of the bridge were cut by the", "town"
    tried = {
        clause: slow_surprise(wordy, before + clause, word)
        for clause in clauses_for(wordy, before, word)
    }
    assert len(tried) > 3
    found = best_bridge(wordy, before, word, surprise=math.inf)
    assert found and found.clause == min(tried, key=tried.__getitem__)
    assert found.bridged == pytest.approx(tried[found.clause], abs=1e-3)
    assert best_bridge(wordy, before, word, surprise=found.bridged + 0.5) is None


def test_clauses_are_made_of_likelier_words_but_not_of_the_word(wordy: LanguageModel) -> None:
    before, word = "The stones of the bridge were cut by the", "town"
    for clause in clauses_for(wordy, before, word):
        assert word not in clause.split() and f"{word}s" not in clause.split()
    with torch.no_grad():
        logp = logits(wordy, torch.tensor([wordy.encode(before)]))[0, -1].log_softmax(-1)
    used = {
        piece
        for clause in clauses_for(wordy, before, word)
        for piece in clause.replace(",", "").split()
        if piece not in ("not", "or", "but", "rather")
    }
    own = logp[wordy.tokens(f" {word}")[0]]
    assert used and all(logp[wordy.tokens(f" {piece}")[0]] > own for piece in used)
    for piece in used:  # a word of its own, as far as the model sees
        ids = torch.tensor([wordy.encode(f"such as {piece}")])
        likeliest = wordy.network(input_ids=ids).logits[0, -1].softmax(-1).topk(LOOKED_AT)
        ends = [
            value
            for value, token in zip(*(x.tolist() for x in likeliest), strict=True)
            if not wordy.decode([token])[:1].isalpha()
        ]
        assert sum(ends) >= WHOLE * likeliest.values.sum().item() - 1e-6


def test_a_bridged_text_is_the_text_with_its_clauses(wordy: LanguageModel) -> None:
    found = bridged(wordy, TEXT, wordy.context)
    plain = found.text
    assert found.bridges
    for bridge in found.bridges:
        assert bridge.bridged <= bridge.surprise - 1
        assert f"{bridge.clause} {bridge.word}" in plain
        plain = plain.replace(f"{bridge.clause} {bridge.word}", f" {bridge.word}", 1)
    assert plain == TEXT
    most = len(wordy.encode(found.text)) - 1
    fewer = bridged(wordy, TEXT, most)
    assert len(fewer.bridges) < len(found.bridges) and len(wordy.encode(fewer.text)) <= most


def test_a_clause_that_does_not_fit_is_no_bridge(wordy: LanguageModel) -> None:
    before = TEXT
    short = len(wordy.encode(before)) + 3
    wordy.network.config.max_position_embeddings = short
    assert surprises(wordy, before, [" not this or that, but"], "town") == [math.inf]
