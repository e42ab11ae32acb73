"""What tokenizers normalise, and what they cannot read."""

from collections.abc import Callable

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from litho.model.loaded import LanguageModel
from litho.model.read.normal import gives_back, normalised, unread
from litho.model.read.vocabulary import Vocabulary
from tests.builders import NORMALIZERS, TEXT, normalise

ACCENTED = "Anna kept the cafe\u0301.\n\nShe  sold it."
SAID = {
    "NFC": "'e\u0301' (U+0065 U+0301) to '\u00e9' (U+00E9)",
    "NFKC": "'e\u0301' (U+0065 U+0301) to '\u00e9' (U+00E9)",
    "lower case": "'A' to 'a'",
    "no accents": "'A' to 'a'",
    "squeezed": "white space",
}


@pytest.mark.parametrize("name", NORMALIZERS)
def test_a_normalising_tokenizer_reads_a_text_and_says_how(
    make_model: Callable[[str], LanguageModel], name: str
) -> None:
    model = make_model("llama")
    assert normalised(model, ACCENTED) == []
    if name == "prepended":  # a mark of the tokenizer's own, which its decoder leaves in
        return
    normalise(model, name)
    assert gives_back(model, ACCENTED) and unread(model, ACCENTED) == []
    assert SAID.get(name, "") in (normalised(model, ACCENTED) or [""])[0]
    assert Vocabulary(model).complaint([ACCENTED]) is None
    assert normalised(model, "it was so") == []


def small_alphabet(model: LanguageModel, unknown: str | None) -> None:
    """Tokens for the letters of TEXT alone."""
    letters = ["<s>", "</s>", *([unknown] if unknown else []), *sorted(set(TEXT))]
    backend = Tokenizer(
        models.BPE({letter: i for i, letter in enumerate(letters)}, [], unk_token=unknown)
    )
    backend.pre_tokenizer = pre_tokenizers.Split(" ", "isolated")
    model.tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=backend, bos_token="<s>", eos_token="</s>", unk_token=unknown
    )


@pytest.mark.parametrize("unknown", ["<unk>", None])
def test_characters_without_a_token_are_named(llama: LanguageModel, unknown: str | None) -> None:
    small_alphabet(llama, unknown)
    assert unread(llama, TEXT) == []
    assert unread(llama, f"{TEXT} 漢") == ["漢"]
    assert "no token for '漢'" in (Vocabulary(llama).complaint([f"{TEXT} 漢"]) or "")
