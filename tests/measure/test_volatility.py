"""Volatility of many variants at once, against one forward of each; tokens that are safe."""

import random
from collections.abc import Callable

import pytest
import torch

from litho.measure.volatility import read, volatilities, volatility
from litho.model.loaded import LanguageModel
from litho.model.read import prefixes
from litho.model.read.prefixes import read_rows
from litho.model.read.scoring import logits, normalizers
from litho.model.read.vocabulary import Vocabulary
from litho.text.documents import sentences
from tests.builders import TEXT


def changed(text: str, chance: random.Random) -> str:
    words = text.split(" ")
    words[chance.randrange(len(words))] = chance.choice(("red", "never", "Kolin"))
    return " ".join(words)


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


@pytest.mark.parametrize("scenes", [(TEXT,), tuple(sentences(TEXT))], ids=["one", "several"])
def test_many_volatilities_equal_those_of_single_forwards(
    any_model: LanguageModel, scenes: tuple[str, ...]
) -> None:
    chance = random.Random(2)
    variants = [tuple(changed(scene, chance) for scene in scenes) for _ in range(4)]
    variants += [tuple(sentences(TEXT)), (f"{TEXT} Again.",), scenes[::-1], ("Nothing in common",)]
    parent = read(any_model, scenes)
    judged = volatilities(any_model, parent, variants)
    for variant, found in zip(variants, judged, strict=True):
        expected = volatility(parent, read(any_model, variant))
        assert found.mean_kl == pytest.approx(expected.mean_kl, abs=1e-4)
        assert found.max_surprise == pytest.approx(expected.max_surprise, abs=1e-4)
    assert sum(found.mean_kl > 0 and found.max_surprise > 0.01 for found in judged) >= 5


def test_normalizers_are_log_sum_exp() -> None:
    logits_NV = torch.randn(40, 300, generator=torch.Generator().manual_seed(0)) * 9
    torch.testing.assert_close(normalizers(logits_NV), logits_NV.logsumexp(-1))


def test_a_token_is_undertrained_if_it_lies_with_the_special_ones_and_is_not_repeated(
    make_model: Callable[[str], LanguageModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = make_model("llama")
    weight = model.network.get_input_embeddings().weight.data
    near, far = model.tokens("Q")[0], model.tokens("a")[0]
    weight[near] = weight[model.tokenizer.all_special_ids].mean(0) * 1.1
    vocabulary = Vocabulary(model)
    assert vocabulary.undertrained(near) and not vocabulary.undertrained(far)
    assert "hardly knows: 'Q'" in (vocabulary.complaint(["a Q"]) or "")
    assert vocabulary.complaint(["a Q"], known=[near]) is None
    # One that says it again knows it, wherever its embedding lies.
    model.network.get_output_embeddings().weight.data.fill_(0)
    monkeypatch.setattr("litho.model.read.vocabulary.LEAST_REPEATED", 1 / 300)
    assert not Vocabulary(model).undertrained(near)


def test_text_that_changes_on_its_way_through_the_tokenizer_is_refused(
    make_model: Callable[[str], LanguageModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = make_model("llama")
    monkeypatch.setattr(type(model), "decode", lambda self, ids: "something else")
    assert "way through the tokenizer" in (Vocabulary(model).complaint([TEXT]) or "")
