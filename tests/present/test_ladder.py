"""The ladder up to a text, the depth it pulls at, and whether the model can read it."""

from collections.abc import Callable

import pytest
import torch

from litho.core.errors import LithoError
from litho.learn import depth
from litho.learn.depth import choose_layers
from litho.measure.readability import bits_per_byte, foreign_notice
from litho.measure.scorer import ModelScorer
from litho.measure.volatility import Budget, read, volatility
from litho.model.adapters import lora
from litho.model.loaded import LanguageModel
from litho.model.read.scoring import logits
from litho.model.read.vocabulary import Vocabulary
from litho.present import ladder, variants
from litho.present.ladder import own_version, plan_ladder
from litho.present.variants import marked_rows, plan_presentations
from litho.text import markup
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
    assert climb.rungs[-1].mean_kl == pytest.approx(step.found.mean_kl)
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


def test_depth_is_where_the_texts_own_gradient_is(any_model: LanguageModel) -> None:
    rows, other = [any_model.encode(TEXT)], [any_model.encode("Quite another text of ten words.")]
    found = choose_layers(any_model, rows, other, seed=0)
    assert sum(found.pull) == pytest.approx(1)
    assert found.layers == (max(range(3), key=found.pull.__getitem__),)
    # What both pull at alike is not the text's own.
    alike = choose_layers(any_model, rows, rows, seed=0)
    assert max(alike.pull) < 1e-3 or sum(alike.pull) == pytest.approx(1)
    assert not any_model.adapters or any_model.adapters == []


def test_own_part_is_what_is_orthogonal() -> None:
    own, other = torch.tensor([3.0, 4.0]).double(), torch.tensor([2.0, 0.0]).double()
    assert depth._own_part(own, other).item() == pytest.approx(16)
    assert depth._own_part(own, own).item() == pytest.approx(0)
    assert depth._own_part(own, 0 * other).item() == pytest.approx(25)


def test_gradients_of_the_depth_equal_those_of_autograd(llama: LanguageModel) -> None:
    ids = torch.tensor([llama.encode(TEXT)])
    lora.attach(llama, "depth", depth.RANK, 2 * depth.RANK, seed=3)
    found = depth._gradients(llama, [ids[0].tolist()])
    llama.network(input_ids=ids, labels=ids).loss.backward()
    for layer, gradient in found.items():
        expected = torch.cat(
            [
                p.grad.flatten()
                for n, p in lora.weights(llama, "depth").items()
                if ".lora_B." in n and f".layers.{layer}." in n and p.grad is not None
            ]
        )
        torch.testing.assert_close(gradient.float(), expected, atol=1e-6, rtol=1e-4)
    assert sorted(found) == [0, 1, 2]


def test_a_text_in_signs_the_model_cannot_read_is_called_foreign(
    llama: LanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert bits_per_byte(llama, TEXT) == pytest.approx(
        read(llama, (TEXT,)).surprise_N.sum().item() / 0.6931472 / len(TEXT.encode()), rel=1e-5
    )
    costs = {"own": 1.0, "text": 1.9}
    monkeypatch.setattr(
        "litho.measure.readability.bits_per_byte",
        lambda model, text: costs["text" if text in TEXT else "own"],
    )
    assert foreign_notice(llama, TEXT, seed=0) == []
    costs["text"] = 2.1
    assert "2.1 bits a byte, and 1.0 for its own" in foreign_notice(llama, TEXT, seed=0)[0]


def test_marks_are_an_operator_and_anchors_stand(llama: LanguageModel) -> None:
    source = "[[= The clock]] of [[Ostrava | Kolin]] was built by Marek Dolny. It shows the time."
    document = markup.parse(source)
    text = markup.plain(document)
    marked = marked_rows(document, [text])
    found = plan_presentations(
        llama, [text], ModelScorer(llama), 30, 1e3, 1e3, seed=1, marked=marked
    )
    by_marks = [v.text for v in found.variants if v.operator == "markup"]
    assert by_marks == ["The clock of Kolin was built by Marek Dolny. It shows the time."]
    assert all("The clock" in v.text for v in found.variants)
    lost = [r for r in found.refused if "anchor 'The clock'" in r.reason]
    assert lost and all("The clock" not in r.variant.text for r in lost)
    assert marked_rows(markup.parse(TEXT), [TEXT]) is None
    with pytest.raises(LithoError, match="in one piece"):
        marked_rows(document, [text, text])


def test_an_anchor_is_a_word_of_its_own_as_often_as_in_the_text() -> None:
    assert variants._times("mill", "The mill of the miller, a mill.") == 2
    assert variants._times("Palace of Mirrors", "the Palace of Mirrors.") == 1
