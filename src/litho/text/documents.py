"""Reading a text from a file."""

from pathlib import Path

from litho.core.errors import LithoError


def read_text(path: Path) -> str:
    """The text in a UTF-8 file.

    Raises LithoError if the file is missing, empty, binary or not UTF-8.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise LithoError(f"{path} cannot be read: {error.strerror}") from None
    if b"\0" in raw:
        raise LithoError(f"{path} is a binary file: give plain text in UTF-8")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise LithoError(
            f"{path} is not UTF-8 (byte {error.start}): convert it, "
            f"for example with 'iconv -f latin1 -t utf-8'"
        ) from None
    text = text.replace("\r\n", "\n")
    if not text.strip():
        raise LithoError(f"{path} is empty: give a text of at least one sentence")
    return text
