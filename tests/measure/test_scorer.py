"""What a model offers to the operators, against a plain search."""

from collections.abc import Callable

import pytest
import torch

from litho.measure import scorer
from litho.measure.scorer import TOP, ModelScorer
from litho.model.loaded import LanguageModel
from tests.builders import TEXT, give_pieces


def test_a_model_without_tokens_that_are_words_offers_nothing(
    make_model: Callable[[str], LanguageModel],
) -> None:
    assert ModelScorer(make_model("llama")).alternatives(TEXT) == []


def test_alternatives_replace_whole_lower_case_words(
    llama: LanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    give_pieces(llama, 1200)
    # A random model finds nothing in its place likely.
    monkeypatch.setattr(scorer, "MIN_ORIGINAL_LOGPROB", -30.0)
    monkeypatch.setattr(scorer, "MIN_LOGPROB", -2.5)
    text = "The stones of the bridge, not the wood, were cut by Marek in the town."
    expected = set()
    words = text.split(" ")
    for number, word in enumerate(words[1:], 1):
        ids = llama.encode(" ".join(words[:number]))
        bare = word.strip(",.")
        own = llama.tokens(f" {bare}")
        if len(own) > 1 or not bare.islower() or bare == "not":
            continue  # more tokens than one, a name, a word that turns the statement round
        logp = llama.network(torch.tensor([ids])).logits[0, -1].log_softmax(-1)
        if logp[own[0]] < -30:
            continue
        start = len(" ".join(words[:number])) + 1
        for value, token in zip(*(x.tolist() for x in logp.topk(TOP)), strict=True):
            said = llama.decode([token])
            usable = said[:1] == " " and said[1:].isalpha() and said.islower() and len(said) > 2
            if usable and said[1:] not in scorer._POLAR and value > -2.5 and token != own[0]:
                expected.add((start, start + len(bare), said[1:]))
    found = ModelScorer(llama).alternatives(text)
    assert {(a.start, a.end, a.word) for a in found} == expected
    assert len(expected) > 5
    assert all(text[a.start : a.end].islower() for a in found)
