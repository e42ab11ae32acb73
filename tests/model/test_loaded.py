"""What is encoded comes back, and a model is asked for nothing that it does not have."""

import pytest

from litho.core.errors import LithoError
from litho.model.loaded import LanguageModel
from litho.model.read.sampling import self_samples


def test_encoding_round_trips_and_reads_no_special_tokens(llama: LanguageModel) -> None:
    text = "Grüße, <s> und </s>!"
    ids = llama.encode(text)
    assert ids.count(0) == 1 and 1 not in ids
    assert llama.decode(ids[1:]) == text
    assert len(llama.spans(text)) == len(ids) - 1


def test_tokens_outside_the_embedding_are_named(llama: LanguageModel) -> None:
    llama.tokenizer.add_tokens(["Ostrava"])
    with pytest.raises(LithoError, match=r"does not know 'Ostrava'.* token 258, .* ends at 257"):
        llama.encode("In Ostrava.")
    assert llama.decode(llama.encode("In Oslo.")[1:]) == "In Oslo."


@pytest.mark.parametrize("pad", ["[PAD]", None])
def test_rows_are_padded_with_a_token_that_exists(llama: LanguageModel, pad: str | None) -> None:
    if pad:
        llama.tokenizer.add_special_tokens({"pad_token": pad})
    llama.tokenizer.pad_token = pad
    assert (llama.tokenizer.pad_token_id in (258, None)) and llama.pad == 1
    llama.tokenizer.add_special_tokens({"eos_token": "<new>"})
    assert llama.end is None and llama.pad == 0
    assert len(self_samples(llama, ["On"], 8, seed=0)[0]) == 8


def test_a_limit_of_nothing_is_none(llama: LanguageModel) -> None:
    for limit in (-1, 0):
        llama.network.config.max_position_embeddings = limit
        assert llama.context == 1_000_000
