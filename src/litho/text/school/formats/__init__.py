"""Books in files of several formats: what they say as plain text, and where their parts begin."""

from pathlib import Path

from litho.core.errors import LithoError
from litho.text.documents import read_text
from litho.text.school.formats.plain import Extract

PAGES = (".html", ".htm", ".xhtml")
SUFFIXES = (".txt", ".md", ".epub", *PAGES)  # of what is taken for a book in a folder


def extract(path: Path) -> Extract:
    """The text of a book. Raises LithoError on what is none, and names what is missing or wrong.

    What a file is is told by how its name ends; whatever is not known there is plain text.
    """
    ending = path.suffix.lower()
    if ending == ".md":
        from litho.text.school.formats.markdown import read_markdown

        return read_markdown(path)
    if ending not in (".epub", *PAGES):
        return Extract(read_text(path))
    try:
        from litho.text.school.formats.epub import read_epub
        from litho.text.school.formats.html import read_html
    except ModuleNotFoundError as error:
        if error.name != "lxml":
            raise
        raise LithoError(
            f"{path} is read by lxml, which is not installed: pip install 'litho[books]'"
        ) from None
    return read_epub(path) if ending == ".epub" else read_html(path)
