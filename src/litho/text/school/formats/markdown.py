"""Text out of Markdown: without marks, notes, pictures, HTML and what stands before the text."""

import re
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

from litho.core.errors import LithoError
from litho.text.documents import read_text
from litho.text.school.formats.plain import Extract, Paragraphs

TITLES = ("h1", "h2", "h3")
_FRONT = re.compile(r"\A---\n.*?\n(?:---|\.\.\.)\n", re.DOTALL)
_NOTE = re.compile(r"^ {0,3}\[\^[^\]\n]+\]:.*(?:\n(?:(?: {2,}|\t).*|(?=\n(?: {2,}|\t))))*", re.M)
_REFERENCE = re.compile(r"\[\^[^\]\n]+\]")
_BLOCKS = ("paragraph", "blockquote", "bullet_list", "ordered_list", "table", "hr")


def read_markdown(path: Path) -> Extract:
    """Raises LithoError if there is no text, as with every book."""
    written = _FRONT.sub("", read_text(path))
    written = _REFERENCE.sub("", _NOTE.sub("", written))
    paragraphs = Paragraphs()
    for token in MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(written):
        _add(paragraphs, token)
    found = paragraphs.extract()
    if not found.text:
        raise LithoError(f"{path} has no text in it: give a text of at least one sentence")
    return found


def _add(paragraphs: Paragraphs, token: Token) -> None:
    if token.type in ("fence", "code_block"):
        paragraphs.kept(token.content)
    elif token.type == "heading_open" and token.tag in TITLES:
        paragraphs.heading()
    elif token.type == "inline":
        for inner in token.children or ():
            _add_inline(paragraphs, inner)
    elif token.type in ("list_item_open", "tr_open"):
        paragraphs.line()
    elif token.type in ("td_open", "th_open"):
        paragraphs.add(" ")
    elif token.hidden:  # a paragraph in a list without empty lines
        paragraphs.line()
    elif token.type.partition("_o")[0].partition("_c")[0] in (*_BLOCKS, "heading"):
        paragraphs.end()


def _add_inline(paragraphs: Paragraphs, token: Token) -> None:
    if token.type in ("text", "code_inline"):
        paragraphs.add(token.content)
    elif token.type == "softbreak":
        paragraphs.add(" ")
    elif token.type == "hardbreak":
        paragraphs.line()
