"""Books from plain text: sections, pages, and what is refused."""

from pathlib import Path

import pytest

from litho.core.errors import LithoError
from litho.text.school.books import PAGE, TextBook, pages, read_book

BODY = "The hen lays an egg in the morning. " * 8


def book(path: Path, text: str, pattern: str | None = None) -> TextBook:
    (path / "book.txt").write_text(text)
    return read_book(path / "book.txt", pattern)


@pytest.mark.parametrize(
    ("headings", "names"),
    [
        (("CHAPTER I", "CHAPTER II. Of Hens"), ["chapter-i", "chapter-ii-of-hens"]),
        (("LESSON 1.", "LESSON 2."), ["lesson-1", "lesson-2"]),
        (("Chapter 1", "Chapter 2"), ["chapter-1", "chapter-2"]),
        (("# Hens", "## Eggs"), ["hens", "eggs"]),
        (("ГЛАВА I", "ГЛАВА II"), ["глава-i", "глава-ii"]),
        (
            ("THE FIRST DIALOGUE", "THE SECOND DIALOGUE"),
            ["the-first-dialogue", "the-second-dialogue"],
        ),
        (("ON HENS", "ON HENS"), ["on-hens", "on-hens-2"]),
        (("Nothing here", "is a heading"), ["all"]),
    ],
)
def test_sections_are_found(tmp_path: Path, headings: tuple[str, str], names: list[str]) -> None:
    text = f"{headings[0]}\n\n{BODY}\n\n{headings[1]}\n\n{BODY}\n"
    found = book(tmp_path, text)
    assert [section.name for section in found.sections] == names
    assert "".join(found.text[s.start : s.end] for s in found.sections) == text


def test_front_matter_and_short_sections(tmp_path: Path) -> None:
    text = (
        f"{BODY}\n\nPART I\n\nCHAPTER I\n\n{BODY}\n\nCHAPTER II\n\nShort.\n\nCHAPTER III\n\n{BODY}"
    )
    names = [section.name for section in book(tmp_path, text).sections]
    assert names == ["front", "part-i", "chapter-ii"]


def test_a_pattern_finds_what_auto_does_not(tmp_path: Path) -> None:
    text = f"1. Hens\n{BODY}\n2. Eggs\n{BODY}\n"
    assert len(book(tmp_path, text).sections) == 1
    found = book(tmp_path, text, r"^\d+\. ")
    assert [section.title for section in found.sections] == ["1. Hens", "2. Eggs"]
    with pytest.raises(LithoError, match=r"no line of .* has 'NEVER' in it"):
        book(tmp_path, text, "NEVER")
    with pytest.raises(LithoError, match="is no regular expression"):
        book(tmp_path, text, "(")


@pytest.mark.parametrize("joint", [" ", "\n", "\n\n"])
def test_pages_cover_a_section(joint: str) -> None:
    text = joint.join(BODY.strip() for _ in range(30))
    found = list(pages(text, 0, len(text)))
    assert "".join(text[a:b] for a, b in found) == text
    assert all(0 < b - a <= PAGE + 1 for a, b in found)
    assert all(
        text[b - 1 : b + 1].strip() in (".", ".T", "") or joint in text[b - 2 : b + 2]
        for _, b in found
    )
    word = "x" * 5000
    assert [b - a for a, b in pages(word, 0, len(word))] == [PAGE, PAGE, 1000]
    assert list(pages("  \n ", 0, 4)) == []


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", "is empty"),
        (b"  \n\n", "is empty"),
        (b"\x89PNG\r\n\x1a\n\0\0", "a picture"),
        (bytes(range(256)) * 4, "binary"),
        ("Курица несёт яйца каждое утро. ".encode("cp1251") * 20, "it looks like cp1251"),
        (b"a" * 1_000_001, "a line of 1,000,001 characters: wrap its lines"),
    ],
    ids=["empty", "blank", "picture", "binary", "cp1251", "one line"],
)
def test_what_is_no_book(tmp_path: Path, raw: bytes, message: str) -> None:
    (tmp_path / "book.txt").write_bytes(raw)
    with pytest.raises(LithoError, match=message):
        read_book(tmp_path / "book.txt")


def test_a_book_that_changes_is_read_again_or_refused(tmp_path: Path) -> None:
    first = book(tmp_path, f"# A\n\n{BODY}")
    second = book(tmp_path, f"# B\n\n{BODY} More.")
    assert first.sha256 != second.sha256 and second.text.endswith("More.")
    with pytest.raises(LithoError, match="was changed while it was read"):
        _ = first.text
