"""Reading a text from a file."""

from pathlib import Path

from litho.core.encoding import read_utf8
from litho.core.errors import LithoError


def read_text(path: Path) -> str:
    """The text in a file, with each line ended by a line feed.

    Raises LithoError if the file is missing, empty, binary or in an encoding other than UTF-8.
    """
    text = read_utf8(path).replace("\r\n", "\n")
    if not text.strip():
        raise LithoError(f"{path} is empty: give a text of at least one sentence")
    return text
