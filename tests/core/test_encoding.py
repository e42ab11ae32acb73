"""Encodings: what is UTF is read, everything else is named."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from litho.core.encoding import half_of_pair, read_utf8
from litho.core.errors import LithoError

RUSSIAN = "Мельница в Кельде сгорела в 1901 году. Анна Вейр продала её человеку из Ардена."

FRENCH = "Le café de l’été dernier — « déjà vu » – était fermé à cause des élèves."


def refused(path: Path, content: bytes) -> str:
    path.write_bytes(content)
    with pytest.raises(LithoError) as error:
        read_utf8(path)
    return str(error.value)


@given(text=st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])))
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_unicode_is_read(
    tmp_path_factory: pytest.TempPathFactory, encoding: str, text: str
) -> None:
    path = tmp_path_factory.getbasetemp() / "unicode.txt"
    written = text.removeprefix("\ufeff")
    path.write_bytes(f"The {written}".encode(encoding))
    assert read_utf8(path) == f"The {written}"


@pytest.mark.parametrize(
    ("text", "encoding", "named"),
    [
        ("Мельница сгорела.", "cp1251", "cp1251"),
        (RUSSIAN, "cp1251", "cp1251"),
        (RUSSIAN, "koi8-r", "koi8-r"),
        ("Die Mühle in Köln war größer als die Höhle.", "latin1", "cp1252"),
        (FRENCH, "cp1252", "cp1252"),
        ("水車小屋は1901年に焼けた。アンナはそれを売った。", "shift_jis", "shift_jis"),
        ("磨坊在1901年被烧毁。安娜把它卖给了一个男人。", "gb18030", "gb18030"),
        (RUSSIAN, "utf-16-le", "UTF-16LE"),
        ("The mill burned down.", "utf-16-be", "UTF-16BE"),
    ],
)
def test_an_encoding_is_named(tmp_path: Path, text: str, encoding: str, named: str) -> None:
    said = refused(tmp_path / "t.txt", text.encode(encoding))
    assert f"'iconv -f {named} -t utf-8'" in said
    first = next((i for i, char in enumerate(text) if not char.isascii()), 0)
    assert text[first : first + 5] in said  # so that a wrong guess is seen


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (b"%PDF-1.7 text", "is a PDF"),
        (b"PK\x03\x04" + b"-" * 30 + b"word/document.xml", "is a Word document"),
        (b"PK\x03\x04" + b"-" * 30, "is a zip archive"),
        (b"\x1f\x8b\x08", "compressed by gzip"),
        (b"{\\rtf1 text}", "is an RTF document"),
        (b"a\0b", "is a binary file"),
        (bytes(range(256)), "is a binary file"),
        ((RUSSIAN * 2).encode()[:-2], "UTF-8 but for 1 of its characters"),
        (b"\xff\xfea", "damaged utf-16"),
    ],
)
def test_what_is_no_text_is_named(tmp_path: Path, content: bytes, named: str) -> None:
    assert named in refused(tmp_path / "t.txt", content)


@given(content=st.binary(max_size=60))
def test_any_file_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.txt"
    path.write_bytes(content)
    try:
        text = read_utf8(path)
    except LithoError as error:
        assert str(path) in str(error)
    else:
        assert half_of_pair(text) is None


def test_halves_of_pairs_are_named() -> None:
    assert half_of_pair("a\ud83d") == "U+D83D, half of a surrogate pair"
    assert half_of_pair("a😀") is None
