"""Sentences that say what follows from what, and the library that is made of them."""

import pytest

from litho.core.errors import LithoError
from litho.text.trails.candidates import candidates, library_of
from litho.text.trails.library import parse_library

THINGS = ("meadow floods", "ferry waits", "baker sleeps", "choir sings", "mill stops", "cat hides")
SIGNS = ("it rains", "Anna calls", "the bell rings", "the moon is full", "we shout", "nobody pays")
TEXT = " ".join(f"If {sign}, the {thing}." for sign, thing in zip(SIGNS, THINGS, strict=True))


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("If it rains, then the mill stops.", ("condition", "if", "it rains", "the mill stops")),
        ("The mill stops when it rains.", ("condition", "when", "it rains", "the mill stops")),
        ("Anna sings, if it rains.", ("condition", "if", "it rains", "Anna sings")),
        ("Unless it rains, we go.", ("exception", "unless", "it rains", "we go")),
        ("We stay because it rains.", ("reason", "because", "it rains", "we stay")),
        ("Although it rains, we go.", ("contrast", "although", "it rains", "we go")),
    ],
)
def test_what_is_recognised(sentence: str, expected: tuple[str, ...]) -> None:
    (found,) = candidates(f"A quiet day. {sentence} Nobody came.")
    assert (found.kind, found.connective, found.given, found.follows) == expected
    assert found.sentence == sentence


def test_two_sentences_go_together() -> None:
    (found,) = candidates("The sluice was shut. Therefore the meadow flooded.")
    assert (found.kind, found.given) == ("conclusion", "the sluice was shut")
    assert found.follows == "the meadow flooded"
    assert found.sentence == "The sluice was shut. Therefore the meadow flooded."


@pytest.mark.parametrize(
    "text",
    [
        "Will you come if it rains?",
        "So it began.",  # nothing before it
        "If it rains, and it will, the mill stops.",  # more parts than are told apart
        "The lifeboat is whenever-ready.",
    ],
)
def test_what_is_not_recognised(text: str) -> None:
    assert candidates(text) == []


def test_the_library_holds_the_text_and_is_valid() -> None:
    library = parse_library(library_of(candidates(TEXT), "rules.txt"), "made")
    assert library.words["given"].real == SIGNS
    assert library.words["follows"].real == THINGS
    assert [form.form for form in library.forms] == ["what follows", "either or"]
    assert all(form.numbers(held_out=True) and form.truth for form in library.forms)
    assert library.forms[0].wordings[0].ask == "Therefore the"


def test_too_few_are_refused() -> None:
    few = candidates(" ".join(TEXT.split(". ")[:2]))
    with pytest.raises(LithoError, match=r"rules.txt says .* needs 6: give a longer text"):
        library_of(few, "rules.txt")
    other = [
        each.model_copy(update={"follows": f"{n} things"})
        for n, each in enumerate(candidates(TEXT))
    ]
    with pytest.raises(LithoError, match="in 1 of them beginning with the same word"):
        library_of(other, "rules.txt")
