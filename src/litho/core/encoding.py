"""Text files: what is UTF-8 is read, what is not is named."""

import re
from pathlib import Path
from typing import NamedTuple

from litho.core.errors import LithoError
from litho.core.files import refuse_device

_MARKS = {  # a byte order mark says what follows; that of UTF-32 begins with that of UTF-16
    b"\xef\xbb\xbf": "utf-8-sig",
    b"\xff\xfe\0\0": "utf-32",
    b"\0\0\xfe\xff": "utf-32",
    b"\xff\xfe": "utf-16",
    b"\xfe\xff": "utf-16",
}
_KINDS = {  # how files begin that are no plain text, though people take some for it
    b"%PDF-": "a PDF",
    b"{\\rtf": "an RTF document",
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": "a document of an old Microsoft Office",
    b"PK\x03\x04": "a zip archive",
    b"PK\x05\x06": "a zip archive",
    b"\x1f\x8b": "compressed by gzip",
    b"BZh": "compressed by bzip2",
    b"\xfd7zXZ\0": "compressed by xz",
    b"\x28\xb5\x2f\xfd": "compressed by zstd",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive",
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff": "a picture",
    b"GIF8": "a picture",
    b"PAR1": "a Parquet table",
    b"GGUF": "a GGUF model",
    b"SQLite format 3\0": "an SQLite database",
}
_ZIPPED = {  # by a name that such an archive holds near its beginning or its end
    b"word/": "a Word document",
    b"xl/": "an Excel workbook",
    b"ppt/": "a PowerPoint presentation",
    b"application/epub": "an EPUB book",
    b"application/vnd.oasis": "an OpenDocument file",
}
# Those in which texts come; where several say the same, the first one is named.
_COMMON = [
    *("cp1251", "cp1252", "koi8_r", "shift_jis", "gb18030", "big5", "euc_jp", "euc_kr", "cp866"),
    *("cp1250", "cp1253", "cp1254", "cp1255", "cp1256", "cp874", "iso8859_2", "iso8859_5"),
]
_HALF = re.compile(r"[\ud800-\udfff]")
_NEAR = 20  # characters shown on each side of the first that is not ASCII


class _Guess(NamedTuple):
    """The encoding that bytes seem to be in, what they say in it, and what else it might be."""

    encoding: str
    text: str
    others: list[str]


def read_utf8(path: Path) -> str:
    """The text in a file in UTF-8, or in UTF-16 or UTF-32 with a byte order mark.

    Raises LithoError if it cannot be read, is binary or in another encoding, which is named.
    """
    try:
        refuse_device(path)
        raw = path.read_bytes()
    except (OSError, ValueError) as error:  # the second: what no path may hold
        reason = getattr(error, "strerror", error)
        raise LithoError(f"{path} cannot be read: {reason}") from None
    if kind := _kind(raw):
        raise LithoError(f"{path} is {kind}, a binary file: give plain text in UTF-8")
    encoding = next((name for mark, name in _MARKS.items() if raw.startswith(mark)), "utf-8")
    try:
        text = raw.decode(encoding)
    except UnicodeDecodeError as error:
        raise LithoError(f"{path} {_refusal(raw, error)}") from None
    if "\0" in text:
        raise LithoError(f"{path} {_binary(raw)}")
    return text


def half_of_pair(text: str) -> str | None:
    r"""What to say of the first lone half of a surrogate pair, as JSON's `\ud83d` gives one."""
    half = _HALF.search(text)
    return f"U+{ord(half[0]):04X}, half of a surrogate pair" if half else None


def _kind(raw: bytes) -> str:
    """What a file is that is no plain text, by how it begins, or nothing."""
    kind = next((said for magic, said in _KINDS.items() if raw.startswith(magic)), "")
    if kind == "a zip archive":
        ends = raw[:4096] + raw[-4096:]
        kind = next((said for name, said in _ZIPPED.items() if name in ends), kind)
    return kind


def _binary(raw: bytes) -> str:
    """What to say of a file with NUL in it: UTF-16 without its mark, or no text at all."""
    guess = _guess(raw)
    if guess and guess.encoding.startswith("utf"):
        return _convert(f"looks like {_iconv(guess.encoding)} without a byte order mark", guess)
    return "is a binary file: give plain text in UTF-8"


def _refusal(raw: bytes, error: UnicodeDecodeError) -> str:
    """What to say of a file that is not in the encoding in which it seemed to be."""
    if error.encoding not in ("utf-8", "utf-8-sig"):
        return f"is damaged {error.encoding} (byte {error.start}): give plain text in UTF-8"
    if b"\0" in raw:
        return _binary(raw)
    loose = raw.decode("utf-8", errors="replace")
    bad = loose.count("\ufffd")
    if sum(not char.isascii() for char in loose) > 4 * bad:
        return (
            f"is UTF-8 but for {bad} of its characters, the first at byte {error.start}: mend it, "
            "or leave them out with 'iconv -c -f utf-8 -t utf-8'"
        )
    place = f"is not UTF-8 (byte {error.start})"
    guess = _guess(raw)
    if guess is None:
        return f"{place}, nor in another encoding that Litho knows: give plain text in UTF-8"
    return _convert(f"{place}, it looks like {_iconv(guess.encoding)}", guess)


def _convert(said: str, guess: _Guess) -> str:
    first = next((i for i, char in enumerate(guess.text) if not char.isascii()), 0)
    sample = " ".join(guess.text[max(0, first - _NEAR) : first + _NEAR].split())
    others = f"; else try {', '.join(map(_iconv, guess.others))}" if guess.others else ""
    return (
        f"{said}, in which it says {sample!r}: if that is right, convert it with "
        f"'iconv -f {_iconv(guess.encoding)} -t utf-8'{others}"
    )


def _guess(raw: bytes) -> _Guess | None:
    from charset_normalizer import from_bytes  # here: only what is refused needs it

    matches = list(from_bytes(raw, cp_isolation=_COMMON)) if b"\0" not in raw else []
    matches = matches or list(from_bytes(raw))
    if not matches:
        return None
    text = str(matches[0])
    same = (name for name in _COMMON if raw.decode(name, errors="replace") == text)
    others = [match.encoding for match in matches if str(match) != text]
    return _Guess(next(same, matches[0].encoding), text, others)


def _iconv(encoding: str) -> str:
    """An encoding as iconv calls it."""
    if encoding.startswith("utf_"):  # utf_16_le: UTF-16LE
        return encoding.upper().replace("_", "-", 1).replace("_", "")
    return "shift_jis" if encoding == "shift_jis" else encoding.replace("_", "-")
