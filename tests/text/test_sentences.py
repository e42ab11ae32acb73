"""Paragraphs and sentences: nothing is lost, nothing is there twice."""

import re

from hypothesis import given
from hypothesis import strategies as st

from litho.text.sentences import (
    first_sentence,
    last_sentence,
    paragraphs,
    sentence_end,
    sentences,
)

PIECES = [
    "Dr. Weir",
    "built",
    "it",
    ".",
    "!",
    "? ",
    "\n",
    "\n\n",
    "# A",
    "- item",
    "1. one",
    " ",
    "”",
]
PIECES += ["e.g.", "Who", "said", "“No", "3.5", "…", "\u2028", "\x85", "|"]
TEXTS = st.lists(st.sampled_from(PIECES) | st.text(max_size=5), max_size=30).map(" ".join)


@given(text=TEXTS)
def test_sentences_lose_no_word_and_repeat_none(text: str) -> None:
    found = sentences(text)
    assert " ".join(found).split() == text.split()
    assert all(part and part == part.strip() for part in found)


@given(text=TEXTS)
def test_paragraphs_lose_no_word_and_hold_no_blank_line(text: str) -> None:
    found = paragraphs(text)
    assert " ".join(found).split() == text.split()
    assert not any(re.search(r"\n\s*\n", block) for block in found)


def test_the_first_and_the_last_sentence() -> None:
    assert first_sentence("It ran. It fell.") == "It ran."
    assert first_sentence("It cost 3.50 then! So?") == "It cost 3.50 then!"
    assert first_sentence("It ran\nand fell.") is None  # a line that is not finished
    said = "It ran. It fell! And"
    assert said[last_sentence(said) :] == "And"
    assert last_sentence("no end") == 0
    assert said[8 : sentence_end(said, 10)] == "It fell!"
    assert sentence_end("no end", 0) == len("no end") + 1


@given(text=TEXTS, place=st.integers(0, 40))
def test_the_sentence_around_a_place_holds_it(text: str, place: int) -> None:
    place = min(place, len(text))
    start, end = last_sentence(text[:place]), sentence_end(text, place)
    assert 0 <= start <= place < end <= len(text) + 1
