"""Scenes: joined they are the text, each fits, and cuts are where a reader would make them."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from litho.core.errors import LithoError
from litho.text.scenes import scenes

PIECES = ["Dr. Weir", "built", "it", ".", "? ", "\n", "\n\n", "# A", "- item", "1. one", " ", "”"]
PIECES += ["3.5", "…", "\u2028", "\x85", "\r\n", "|", "磨坊", "。", "e\u0301", "👩\u200d👧", "\t  "]
TEXTS = st.lists(st.sampled_from(PIECES) | st.text(max_size=5), max_size=40).map("".join)


def octets(text: str) -> int:
    return len(text.encode())


def words(text: str) -> int:
    return len(text.split())


@given(text=TEXTS, limit=st.integers(4, 40), length=st.sampled_from([len, octets, words]))
def test_joined_scenes_are_the_text(text: str, limit: int, length: Callable[[str], int]) -> None:
    parts = scenes(text, length, limit)
    assert "".join(parts) == text
    assert all(length(part) <= limit for part in parts)
    if length(text) <= limit:
        assert parts == [text]
    else:
        assert all(parts)


def cut(text: str, limit: int) -> list[str]:
    parts = scenes(text, len, limit)
    assert "".join(parts) == text and max(map(len, parts)) <= limit
    return parts


def test_rows_of_a_table_and_lines_of_code_stay_whole() -> None:
    table = "| n | v |\n|---|---|\n" + "\n".join(f"| {i} | value {i}. |" for i in range(60))
    assert all(part.endswith("\n") for part in cut(table, 200)[:-1])
    code = "def f(x):\n    if x:\n        return 1\n    return 2\n\n\n\ndef g():\n    pass\n" * 5
    parts = cut(code, 60)
    assert all(part.endswith("\n") for part in parts)
    assert "def f(x):\n    if x:\n        return 1\n    return 2\n\n\n\n" in parts


def test_a_poem_is_cut_at_its_verses_else_at_its_lines() -> None:
    verse = "Rain on the roof\nand the wheel\nturns slow\n"
    assert cut(f"{verse}\n{verse}\n{verse}", 60) == [f"{verse}\n", f"{verse}\n", verse]
    first, second = f"{verse}Rain on the roof\n", f"and the wheel\nturns slow\n{verse}"
    assert cut(first + second, 60)[0] == first


def test_wrapped_prose_is_cut_between_sentences() -> None:
    prose = (
        "The mill of Arden was built by Jonas Weir in the\nyear 1874. It ground rye for twelve "
        "villages, and\nits wheel came from Keld. Today the mill belongs\nto Mrs. Hale."
    )
    assert cut(prose, 130) == [prose[: prose.index(" Today")], prose[prose.index(" Today") :]]


@pytest.mark.parametrize(
    "sentence",
    [
        "磨坊在一九〇一年被烧毁。",
        "水車小屋は焼けた！",
        "मिल 1901 में जल गई।",
        " احترقت الطاحونة عام 1901؟",
        " وہ چکی جل گئی۔",
        " ውሃው ወፍጮ ተቃጠለ።",
        " Anna kept the mill.",
        "The mill burned down.",  # no space behind the full stop
        " Ο μύλος κάηκε.",
        " Мельница сгорела…",
    ],
)
def test_sentences_of_any_script_stay_whole(sentence: str) -> None:
    parts = cut(sentence * 9, 4 * len(sentence) + 3)
    assert parts == [sentence * 4, sentence * 4, sentence]


def test_without_anything_else_words_and_characters_are_kept_whole() -> None:
    assert cut("โรงสีถูกไฟไหม้ ในปี " * 3, 25)[0] == "โรงสีถูกไฟไหม้ ในปี"
    assert scenes("x" * 10, len, 4) == ["xxxx", "xxxx", "xx"]
    assert scenes("e\u0301" * 3, len, 3) == ["e\u0301"] * 3
    family = "👩\u200d👩\u200d👧"
    assert scenes(family * 2, len, 7) == [family] * 2
    with pytest.raises(LithoError, match=r"room for 1 tokens, and the character 'é' alone has"):
        scenes("aé", octets, 1)


def test_a_good_place_is_taken_only_if_the_scene_is_half_full() -> None:
    text = "# Mill\n\nIt was built by Weir. It ground rye for twelve villages. It burned."
    first, *_ = cut(text, 65)
    assert first.endswith("villages.")
