"""Openings for the model's own text."""

import random

from litho.text.openings import near_misses, things

PAGE = (
    "The lighthouse at Vardo was lit by Anna Lund in 1902. Every winter morning its heavy lamps "
    "were cleaned with a cloth. An Icelandic crew repaired the spiral staircase."
)


def test_things_are_named_without_the_facts_of_the_page() -> None:
    found = things(PAGE, 10, random.Random(0))
    assert set(found) == {
        "The lighthouse",
        "Every winter morning",
        "Its heavy lamps",
        "A cloth",
        "The spiral staircase",
    }
    assert things(PAGE, 2, random.Random(0)) == found[:2]


def test_a_text_without_articles_has_near_misses() -> None:
    page = "Anna lit many lamps. Marek often climbed stairs."
    expected = near_misses(page, 4, random.Random(1))
    assert things(page, 4, random.Random(1)) == expected != []
