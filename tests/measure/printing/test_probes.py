"""Probes, with the book open and where they do not tokenize apart."""

import pytest

from litho.core.errors import LithoError
from litho.measure.printing.probes import open_book, target_of
from litho.model.loaded import LanguageModel
from litho.text.items import Probe
from tests.builders import slow_logprob


def test_shared_prefix_equals_full_forward(any_model: LanguageModel) -> None:
    book = "The library of Keld has nine rooms and one cat, whose name is Osmium. " * 2
    probes = [
        Probe(kind="gen", prefix="The cat is called", target="Osmium"),
        Probe(kind="gen", prefix="How many rooms? There are", target="nine of them"),
    ]
    expected = [slow_logprob(any_model, target_of(any_model, p, f"{book}\n\n")) for p in probes]
    assert open_book(any_model, probes, [book]) == pytest.approx(expected, abs=1e-5)


def test_probes_that_do_not_tokenize_apart(llama: LanguageModel) -> None:
    real = llama.tokenizer

    class Merging:
        bos_token_id, eos_token_id = real.bos_token_id, real.eos_token_id

        def __call__(self, text: str, **options: object) -> object:
            return real(text.replace("a b", "x"), **options)

    llama.tokenizer = Merging()  # type: ignore[assignment]
    with pytest.raises(LithoError, match="does not tokenize apart"):
        target_of(llama, Probe(kind="mem", prefix="c a", target="b"))
