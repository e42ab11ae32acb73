"""Text out of HTML, without what is not read from top to bottom: notes, navigation, numbers."""

import re
from pathlib import Path
from typing import Any

from lxml import etree

from litho.core.encoding import read_utf8
from litho.core.errors import LithoError
from litho.core.files import refuse_device
from litho.text.school.formats.plain import Extract, Paragraphs

_TITLES = ("h1", "h2", "h3")
_BLOCKS = frozenset(
    """
    address article aside blockquote body caption center div dl fieldset figcaption figure h1 h2 h3
    h4 h5 h6 header hr main ol p section table tbody tfoot thead ul
    """.split()  # noqa: SIM905  a list of thirty quoted words is no easier to read
)
_LINES = frozenset(("br", "dd", "dt", "li", "option", "tr"))
_CELLS = frozenset(("td", "th"))
_DROPPED = frozenset(
    """
    audio button canvas footer form head iframe map nav noscript object script select style
    svg template textarea video
    """.split()  # noqa: SIM905
)
# What EPUB and ARIA call what is left out.
PAGE_KINDS = frozenset(
    """
    backlink cover endnote endnotes footnote footnotes index landmarks loi lot navigation note
    noteref notes page-list pagebreak pagelist rearnote rearnotes toc toc-brief
    """.split()  # noqa: SIM905
)
# What makers of books call that by class or id.
_NAMES = re.compile(
    r"(?:foot|end|rear)-?notes?(?:[-_]?(?:ref|backref|back|text|body|list|block|link))?|fn(?:anchor|ref)?"
    r"|note-?ref|page-?(?:num|number|no|break)|pg-boilerplate|toc|table-of-contents",
    re.IGNORECASE,
)
_MARK = re.compile(r"[\[(]?(?:\d{1,4}|[a-z]|[*†‡§¶#]+|↩︎?|↑)[\])]?")  # of a note
_RAISED = str.maketrans("0123456789+-−()n", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁽⁾ⁿ")
_DECLARED = re.compile(rb"""(?:encoding|charset)\s*=\s*["']?([\w.:-]+)""", re.IGNORECASE)
_XML = re.compile(r"\A\s*<\?xml[^>]*\?>")
_MARKS = (b"\xff\xfe", b"\xfe\xff")


def read_html(path: Path) -> Extract:
    """The text of a page. Raises LithoError if there is none."""
    try:
        refuse_device(path)
        raw = path.read_bytes()
    except (OSError, ValueError) as error:
        raise LithoError(f"{path} cannot be read: {getattr(error, 'strerror', error)}") from None
    written = decoded(raw)
    found = text_of(read_utf8(path) if written is None else written)  # the first names the fault
    if not found.text:
        raise LithoError(f"{path} has no text in it: give a page with words on it")
    return found


def decoded(raw: bytes) -> str | None:
    """As it declares, or in UTF-8; None if it is in neither."""
    declared = _DECLARED.search(raw[:1024])
    wide = "utf-16" if raw.startswith(_MARKS) else None
    for encoding in filter(None, (wide or "utf-8-sig", declared and declared[1].decode())):
        try:
            written = raw.decode(encoding)
        except (UnicodeDecodeError, LookupError):
            continue
        return None if "\0" in written else written
    return None


def text_of(written: str) -> Extract:
    """The text of HTML or XHTML, however damaged."""
    paragraphs = Paragraphs()
    root = parsed(written)
    if root is None:
        return Extract("")
    root = next(root.iter("main"), root)  # where a page says what is more than its surroundings
    walk = etree.iterwalk(root, events=("start", "end", "comment", "pi"))
    for event, node in walk:
        if event == "start":
            if is_dropped(node):
                walk.skip_subtree()
                node.set("dropped", "")
            else:
                _begin(paragraphs, node)
                if node.tag == "pre":
                    paragraphs.kept("".join(node.itertext()))
                    walk.skip_subtree()
        elif event == "end" and node.get("dropped") is None:
            _end(paragraphs, node)
        if event != "start" and node is not root:
            paragraphs.add(node.tail or "")
    return paragraphs.extract()


def parsed(written: str) -> Any:  # noqa: ANN401  lxml is not annotated
    """The tree of HTML or XHTML, or None if there is nothing in it."""
    parser = etree.HTMLParser(encoding="utf-8", no_network=True, huge_tree=True)
    try:
        return etree.fromstring(_XML.sub("", written).encode(), parser)
    except etree.XMLSyntaxError:  # empty
        return None


def _begin(paragraphs: Paragraphs, node: Any) -> None:  # noqa: ANN401
    if node.tag in _TITLES:
        paragraphs.heading()
    elif node.tag in _BLOCKS:
        paragraphs.end()
    elif node.tag in _LINES:
        paragraphs.line()
    elif node.tag in _CELLS:
        paragraphs.add(" ")
    if node.tag != "pre":
        paragraphs.add(_said(node))


def _end(paragraphs: Paragraphs, node: Any) -> None:  # noqa: ANN401
    if node.tag in _BLOCKS or node.tag in _TITLES:
        paragraphs.end()
    elif node.tag in _LINES and node.tag != "br":
        paragraphs.line()


def _said(node: Any) -> str:  # noqa: ANN401
    """The text before the first element in a node; powers are raised."""
    said: str = node.text or ""
    raised = said.translate(_RAISED)
    alone = node.tag == "sup" and not len(node)
    return raised if alone and not any(c.isascii() and c.isalnum() for c in raised) else said


def is_dropped(node: Any) -> bool:  # noqa: ANN401
    """Whether a node is no part of the text."""
    if not isinstance(node.tag, str):
        return False
    if node.tag in _DROPPED or node.get("hidden") is not None or node.get("aria-hidden") == "true":
        return True
    if "display:none" in (node.get("style") or "").replace(" ", ""):
        return True
    kinds = f"{node.get('epub:type') or ''} {node.get('role') or ''}".split()
    if PAGE_KINDS.intersection(kind.removeprefix("doc-") for kind in kinds):
        return True
    names = f"{node.get('class') or ''} {node.get('id') or ''}".split()
    if node.tag != "body" and any(map(_NAMES.fullmatch, names)):
        return True
    return node.tag == "a" and _is_note(node)


def _is_note(link: Any) -> bool:  # noqa: ANN401
    """Whether a link leads to a note, or from one back to the text."""
    said = "".join(link.itertext()).strip()
    return "#" in (link.get("href") or "") and bool(_MARK.fullmatch(said))
