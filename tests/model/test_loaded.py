"""What is encoded comes back."""

from litho.model.loaded import LanguageModel


def test_encoding_round_trips_and_reads_no_special_tokens(llama: LanguageModel) -> None:
    text = "Grüße, <s> und </s>!"
    ids = llama.encode(text)
    assert ids.count(0) == 1 and 1 not in ids
    assert llama.decode(ids[1:]) == text
    assert len(llama.spans(text)) == len(ids) - 1
