"""The library of a genome, opened: books of a world, from files and of plug-ins, read alike."""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files
from pathlib import Path
from random import Random
from typing import Protocol

from litho.core.errors import LithoError
from litho.core.lined import Fault
from litho.text.school import books, plugins
from litho.text.school.chance import chance
from litho.text.school.documents import Piece
from litho.text.school.genome import Book, Genome, Read
from litho.text.school.pages import pages, relation_of, sections_of
from litho.text.school.sciences import Relation, Science
from litho.text.school.world import ENTITIES, RELATIONS, SCIENCES, World

WORDING = 1  # changes with every change of the texts that worlds write
_WORLD = re.compile(r"world:(\d{1,18})(?::(\d+)x(\d+)x(\d+))?(?::(\w+))?/(\w+)")

Page = tuple[Piece, ...]


class Source(Protocol):
    """A book of the library."""

    @property
    def sections(self) -> tuple[str, ...]: ...

    @property
    def digest(self) -> str:
        """A hash of all that its text depends on."""
        ...

    def title(self, section: str) -> str:
        """What a reference to the section calls it."""
        ...

    def heading(self, section: str) -> str:
        """What stands above the section in its book."""
        ...

    def edges(self, section: str) -> tuple[int, int] | None:
        """Where the section begins and ends; None where the content alone settles it."""
        ...

    def size(self, section: str) -> int:
        """About how many characters one reading of a section has."""
        ...

    def read(self, section: str, layer: str, chance: Random) -> Iterator[Page]:
        """The pages of one reading."""
        ...


@dataclass(frozen=True, eq=False)
class WorldBook:
    """A science of a world."""

    world: World
    science: Science
    sections: tuple[str, ...]

    @cached_property
    def digest(self) -> str:
        table = (files("litho.text.school") / "sciences.yaml").read_text(encoding="utf-8")
        written = f"{WORDING} {self.world.source} {self.science.name} {table}"
        return hashlib.sha256(written.encode()).hexdigest()

    def title(self, section: str) -> str:
        return f"the book of {self.science.name}, under {section}"

    def heading(self, section: str) -> str:
        return section

    def edges(self, section: str) -> tuple[int, int] | None:
        return None

    @cache  # noqa: B019  a library lives as long as its command
    def size(self, section: str) -> int:
        read = self.read(section, "university", chance(self.world.seed, "size", section))
        return sum(len(piece.text) for page in read for piece in page)

    def read(self, section: str, layer: str, chance: Random) -> Iterator[Page]:
        return pages(self.world, self.science, section, layer, chance)

    def relation(self, section: str) -> Relation | None:
        return relation_of(self.science, section)


@dataclass(frozen=True, eq=False)
class FileBook:
    """A book from a file, which reads the same every time."""

    book: books.TextBook
    sections: tuple[str, ...]

    @cached_property
    def digest(self) -> str:
        return self.book.sha256

    @cached_property
    def _places(self) -> dict[str, books.Section]:
        return {section.name: section for section in self.book.sections}

    def title(self, section: str) -> str:
        return f"{self.book.path.stem.replace('-', ' ')}, {self.heading(section)}"

    def heading(self, section: str) -> str:
        return self._places[section].title

    def edges(self, section: str) -> tuple[int, int] | None:
        return self._places[section].start, self._places[section].end

    def size(self, section: str) -> int:
        return self._places[section].end - self._places[section].start

    def read(self, section: str, layer: str, chance: Random) -> Iterator[Page]:
        place = self._places[section]
        return _pages(self.book.text, place.start, place.end)


@dataclass(frozen=True, eq=False)
class PluginBook:
    """A book of a plug-in, which reads the same every time."""

    book: plugins.Opened
    sections: tuple[str, ...]

    @property
    def digest(self) -> str:
        return self.book.sha256

    def title(self, section: str) -> str:
        return f"{self.book.title}, {section}"

    def heading(self, section: str) -> str:
        return section

    def edges(self, section: str) -> tuple[int, int] | None:
        return None

    def size(self, section: str) -> int:
        return self.book.sizes[section]

    def read(self, section: str, layer: str, chance: Random) -> Iterator[Page]:
        text = self.book.text(section)
        return _pages(text, 0, len(text))


def _pages(text: str, start: int, end: int) -> Iterator[Page]:
    """Pages of a stretch of text, each with its place there and no white space around it."""
    for begin, stop in books.pages(text, start, end):
        inner = text[begin:stop]
        begin += len(inner) - len(inner.lstrip())
        inner = inner.strip()
        yield (Piece(inner, start=begin, end=begin + len(inner)),)


class Shelf(dict[str, Source]):
    """The books of a library by name."""

    @property
    def world(self) -> World | None:
        """The one world of which there are books."""
        return next((b.world for b in self.values() if isinstance(b, WorldBook)), None)

    def sections_of(self, read: Read) -> tuple[str, ...]:
        """The section that is read, or all of the book."""
        return (read.section,) if read.section else self[read.book].sections

    def of_world(self) -> dict[str, WorldBook]:
        return {name: b for name, b in self.items() if isinstance(b, WorldBook)}


def open_shelf(genome: Genome, folder: Path) -> Shelf:
    """All books of a genome whose faults have been looked for."""
    return Shelf({name: open_book(book, folder) for name, book in genome.library.items()})


def shelf_faults(genome: Genome, folder: Path) -> Iterator[Fault]:
    """What keeps the books of a library from being opened, and books that are there twice."""
    contents: dict[str, str] = {}
    worlds: dict[str, str] = {}
    for name, book in genome.library.items():
        place = ("library", name)
        if not book.sections:
            yield (*place, "sections"), "is empty: name some, or leave it out for all of them"
            continue
        try:
            opened = open_book(book, folder)
        except LithoError as error:
            yield (*place, "source"), str(error)
            continue
        if isinstance(opened, FileBook):
            content = opened.book.content
            if book.sha256 not in (None, opened.digest):
                yield (*place, "sha256"), f"{opened.book.path} has another content by now"
        elif isinstance(opened, PluginBook):
            content = opened.digest
            if book.sha256 not in (None, opened.digest):
                yield (*place, "sha256"), f"{book.source} has another content by now"
            if book.pattern:
                yield (*place, "pattern"), "a plug-in names its sections itself: leave it out"
        else:
            content = opened.science.name
            worlds[opened.world.source] = name
            if book.pattern or book.sha256:
                yield place, "a book of a world takes neither pattern nor sha256"
        if content in contents:
            yield (*place, "source"), f"has the same content as {contents[content]!r}"
        contents[content] = name
    if len(worlds) > 1:
        one, other = list(worlds.values())[:2]
        message = f"is of another world, or of a twin of it, than {one!r}: take one world"
        yield ("library", other, "source"), message


def open_book(book: Book, folder: Path) -> WorldBook | FileBook | PluginBook:
    """Raises LithoError if the book cannot be read or lacks a section."""
    kind, _, rest = book.source.partition(":")
    if kind == "world":
        found = _WORLD.fullmatch(book.source)
        if not found:
            raise LithoError(f"{book.source!r} is no book of a world: write world:17/plants")
        seed, one, two, three, twin, name = found.groups()
        sizes = (int(one), int(two), int(three)) if one else (SCIENCES, ENTITIES, RELATIONS)
        world = _world(int(seed), *sizes, twin or "")
        science = next((each for each in world.sciences if each.name == name), None)
        if science is None:
            known = ", ".join(each.name for each in world.sciences)
            raise LithoError(f"there is no science {name!r} in this world, but {known}")
        return WorldBook(world, science, _chosen(book, sections_of(science)))
    if kind == "plugin":
        found_there = plugins.open_plugin(book.source)
        return PluginBook(found_there, _chosen(book, tuple(found_there.sizes)))
    if kind != "file":
        raise LithoError(f"{book.source!r} begins with none of 'world:', 'file:' and 'plugin:'")
    read = books.read_book(folder / rest, book.pattern)
    return FileBook(read, _chosen(book, tuple(section.name for section in read.sections)))


_world = cache(World)


def _chosen(book: Book, found: tuple[str, ...]) -> tuple[str, ...]:
    if book.sections == "auto":
        return found
    for name in book.sections:
        if name not in found:
            some = ", ".join(found[:12]) + (" …" if len(found) > 12 else "")
            raise LithoError(f"it has no section {name!r}, but {some}")
    return book.sections
