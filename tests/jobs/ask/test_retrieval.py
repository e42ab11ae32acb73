"""Paragraphs nearest to a question."""

from litho.jobs.ask.retrieval import nearest
from litho.text.sentences import paragraphs

TEXT = """# The clock

The clock of Ostrava was built by Marek Dolny in 1931.

It is wound on Fridays by the sexton.

A cat sleeps under it."""


def test_the_paragraph_that_answers_comes_first() -> None:
    parts = paragraphs(TEXT)
    assert len(parts) == 4
    assert nearest(parts, "Who winds it on FRIDAYS?", 2)[0] == parts[2]
    assert nearest(parts, "Marek Dolny", 1) == [parts[1]]


def test_questions_without_a_known_word_get_the_first_paragraphs() -> None:
    parts = paragraphs(TEXT)
    assert nearest(parts, "xyzzy?", 2) == parts[:2]
    assert nearest(parts, "?!", 9) == parts
    assert nearest(["One."], "one", 3) == ["One."]
