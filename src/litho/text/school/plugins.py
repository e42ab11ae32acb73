"""Books that other packages bring: entry points of the group `litho.books`."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import entry_points
from typing import Protocol

from litho.core.encoding import half_of_pair
from litho.core.errors import LithoError, first_line

GROUP = "litho.books"
_SECTION = re.compile(r"[\w.-]{1,60}")


class PluginBook(Protocol):
    """What a plug-in gives for a book. It says the same whenever it is asked."""

    @property
    def name(self) -> str:
        """What a reference to the book calls it."""
        ...

    @property
    def sections(self) -> Sequence[str]:
        """Letters, digits, `_`, `-` and `.`, in the order of the book."""
        ...

    def text(self, section: str) -> str:
        """Paragraphs with empty lines between them."""
        ...


class Plugin(Protocol):
    """What an entry point leads to. Raises KeyError or ValueError if it has no such book."""

    def __call__(self, book: str) -> PluginBook: ...


@dataclass(frozen=True, eq=False)
class Opened:
    """A book of a plug-in that was read, of which only hashes and sizes are kept."""

    source: str
    book: PluginBook
    title: str
    sizes: dict[str, int]  # characters of each section
    hashes: dict[str, str]
    sha256: str

    def text(self, section: str) -> str:
        """Raises LithoError if it says something else than at first."""
        said = _text(self.source, self.book, section)
        if _hash(said) != self.hashes[section]:
            raise _changing(self.source, section)
        return said


@cache
def open_plugin(source: str) -> Opened:
    """The book `plugin:NAME/BOOK`. Raises LithoError if there is none, or it breaks the rules."""
    name, _, wanted = source.partition(":")[2].partition("/")
    if not name or not wanted:
        raise LithoError(f"{source!r} is no book of a plug-in: write plugin:NAME/BOOK")
    book = _book(name, wanted, source)
    try:
        title, sections = book.name, tuple(book.sections)
    except Exception as error:  # whatever a stranger's code raises
        raise _fault(source, f"it has no name or no sections ({_said(error)})") from None
    if not isinstance(title, str) or not title.strip():
        raise _fault(source, "its name is no text")
    for section in sections:
        if not isinstance(section, str) or not _SECTION.fullmatch(section):
            raise _fault(source, f"{section!r} is no name of a section: take letters, digits, -")
    if not sections or len(set(sections)) < len(sections):
        raise _fault(source, "it has no sections, or two of one name")
    hashes, sizes = {}, {}
    for section in sections:
        said = _text(source, book, section)
        if _text(source, book, section) != said:
            raise _changing(source, section)
        hashes[section], sizes[section] = _hash(said), len(said)
    whole = _hash(" ".join([title, *(f"{section} {hashes[section]}" for section in sections)]))
    return Opened(source, book, title, sizes, hashes, whole)


def _book(name: str, wanted: str, source: str) -> PluginBook:
    points = {point.name: point for point in entry_points(group=GROUP)}
    if name not in points:
        known = f"there is {', '.join(sorted(points))}" if points else "there is none"
        raise LithoError(
            f"{source!r} needs a plug-in {name!r}, an entry point of the group {GROUP!r}, but "
            f"{known}: install the package that brings it"
        )
    try:
        plugin: Plugin = points[name].load()
    except Exception as error:
        raise _fault(source, f"{points[name].value} cannot be imported ({_said(error)})") from None
    try:
        return plugin(wanted)
    except Exception as error:
        raise _fault(source, f"the plug-in gives no book {wanted!r} ({_said(error)})") from None


def _text(source: str, book: PluginBook, section: str) -> str:
    try:
        said = book.text(section)
    except Exception as error:
        raise _fault(source, f"its section {section!r} cannot be read ({_said(error)})") from None
    if not isinstance(said, str) or not said.strip():
        raise _fault(source, f"its section {section!r} has no text")
    if half := half_of_pair(said):
        raise _fault(source, f"its section {section!r} holds {half}, which is no character")
    return said


def _changing(source: str, section: str) -> LithoError:
    said = (
        f"it says something else under {section!r} each time, where a seed would make it the same"
    )
    return _fault(source, said)


def _fault(source: str, said: str) -> LithoError:
    return LithoError(f"{source}: {said}: tell the author of the plug-in, or mend it")


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {first_line(error)}"


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
