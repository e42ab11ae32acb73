"""The ladder up to a text."""

from collections.abc import Callable

import pytest
import torch

from litho.measure.volatility import Budget, read, volatility
from litho.model.loaded import LanguageModel
from litho.model.read.scoring import logits
from litho.model.read.vocabulary import Vocabulary
from litho.present import ladder
from litho.present.ladder import own_version, plan_ladder
from tests.builders import TEXT, give_pieces

SHORT = TEXT[:60]


WIDE = Budget(mean_kl=1e3, surprise=1e3, tokens=2)


@pytest.fixture(autouse=True)
def certain(monkeypatch: pytest.MonkeyPatch) -> None:
    """A random model finds nothing likely: every token gives way that can."""
    monkeypatch.setattr(ladder, "LIKELY", 0.0)


def test_own_version_has_as_many_tokens_and_likelier_ones(any_model: LanguageModel) -> None:
    own, target = own_version(any_model, SHORT, Vocabulary(any_model)), any_model.encode(SHORT)
    assert len(own) == len(target) and own != target
    assert any_model.encode(any_model.decode(own[len(any_model.start) :])) == own
    with torch.no_grad():
        logp_TV = logits(any_model, torch.tensor([target]))[0].log_softmax(-1)
    for place in range(1, len(own)):
        assert logp_TV[place - 1, own[place]] >= logp_TV[place - 1, target[place]]


def test_ladder_leads_to_the_text_in_small_steps(any_model: LanguageModel) -> None:
    found = plan_ladder(any_model, SHORT, WIDE)
    assert found.cliffs == () and found.rungs[-1].text == SHORT
    own, target = own_version(any_model, SHORT, Vocabulary(any_model)), any_model.encode(SHORT)
    assert found.rungs[0].text == any_model.decode(own[len(any_model.start) :])
    assert sum(r.changed_tokens for r in found.rungs) == sum(map(int.__ne__, own, target))
    for before, after in zip(found.rungs, found.rungs[1:], strict=False):
        old, new = any_model.encode(before.text), any_model.encode(after.text)
        assert sum(map(int.__ne__, old, new)) == after.changed_tokens <= 2
        expected = volatility(read(any_model, (before.text,)), read(any_model, (after.text,)))
        assert after.mean_kl == pytest.approx(expected.mean_kl, abs=1e-5)
        assert after.max_surprise == pytest.approx(expected.max_surprise, abs=1e-4)


def test_steps_over_the_budget_are_cliffs(llama: LanguageModel) -> None:
    steps = [rung.max_surprise for rung in plan_ladder(llama, SHORT, WIDE).rungs[1:]]
    tight = Budget(mean_kl=1e3, surprise=sorted(steps)[len(steps) // 2], tokens=2)
    found = plan_ladder(llama, SHORT, tight)
    assert found.rungs[-1].text == SHORT and found.cliffs
    over = [rung for rung in found.rungs if rung.max_surprise > tight.surprise]
    assert len(over) == sum(cliff.bridge is None for cliff in found.cliffs)
    for cliff in found.cliffs:
        assert cliff.max_surprise > tight.surprise
        assert cliff.text and cliff.text in SHORT


def test_a_bridge_is_taken_if_both_its_steps_are_small(
    llama: LanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A bridge that says nothing new is as good as none: both sides of it are the cliff's own.
    climb = ladder.Climb(llama, SHORT, WIDE, Vocabulary(llama))
    monkeypatch.setattr(climb, "_bridges", lambda place, word: [("clause", climb.rungs[-1].text)])
    step = climb._tried([climb.open_places[0]])
    climb._cross(step)
    assert climb.cliffs[0].bridge == "clause"
    assert climb.rungs[-2].mean_kl == 0 and climb.rungs[-2].changed_tokens == 0
    assert climb.rungs[-1].mean_kl == pytest.approx(step.volatility.mean_kl)
    assert climb.rungs[-1].changed_tokens == 1


def test_a_bridge_fits_into_the_context(make_model: Callable[[str], LanguageModel]) -> None:
    model = make_model("gpt2")
    text = ("a clock of a town " * 99)[: model.context - 2]
    climb = ladder.Climb(model, text, Budget(mean_kl=0.0, surprise=0.01), Vocabulary(model))
    climb.step()
    assert climb.cliffs[0].bridge is None


@pytest.fixture
def pieces(llama: LanguageModel) -> LanguageModel:
    """A model whose tokens are pieces of words, which can be cut up in several ways."""
    give_pieces(llama, 900)
    return llama


ODD = (
    "Zwickauer Bleichenbacher underpinned quasi-autonomous tachyphylaxis; Xylander's wheelwrights "
    "re-forged thirty-two counterweights."
)


def test_every_rung_survives_a_tokenizer_that_merges_pieces(pieces: LanguageModel) -> None:
    found = plan_ladder(pieces, ODD, WIDE)
    assert found.rungs[-1].text == ODD and len(found.rungs) > 5
    for before, after in zip(found.rungs, found.rungs[1:], strict=False):
        old, new = pieces.encode(before.text), pieces.encode(after.text)
        assert len(old) == len(new)
        assert sum(map(int.__ne__, old, new)) == after.changed_tokens
        expected = volatility(read(pieces, (before.text,)), read(pieces, (after.text,)))
        assert after.mean_kl == pytest.approx(expected.mean_kl, abs=1e-5)
