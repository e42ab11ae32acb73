"""Books from files: their sections, and pages of them."""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

from litho.core.errors import LithoError
from litho.text.school.formats import extract
from litho.text.school.formats.plain import Extract

PAGE = 2000  # characters of a page, where a paragraph ends
SHORTEST = 200  # characters that a section has at least
LONGEST_LINE = 1_000_000
KEPT = 4  # books whose text is in memory at once: they are read one after the other
_NUMBER = r"(?:[IVXLCDM]+|\d+|[A-Z]+|THE [A-Z]+)\b"
_WORDS = (
    "CHAPTER|BOOK|PART|LESSON|LECTURE|LETTER|SECTION|DIALOGUE|CONVERSATION|ACT|ESSAY|STORY"
    "|ГЛАВА|ЧАСТЬ|КНИГА|УРОК|ЛЕКЦИЯ|ПИСЬМО|РАЗГОВОР"
)
_LETTER = r"A-ZÀ-ÖØ-ÞА-ЯЁ"
# What a line says that stands alone and begins a section; the first that is found twice counts.
_HEADINGS = (
    re.compile(r"#{1,3} \S.*"),
    re.compile(rf"(?:(?:{_WORDS})[ .]+{_NUMBER}|(?:{_WORDS.title()})[ .]+(?:[IVXLCDM]+|\d+)\b).*"),
    re.compile(rf"(?=(?:[^{_LETTER}]*[{_LETTER}]){{4}})[^a-zа-яё=]+"),
)
_WIDEST = 120  # characters of a heading
_LINE = re.compile(".*")
_FIRST_ALONE = re.compile(rf"[^\n]{{1,{_WIDEST}}}(?=\n\n)")
_ALONE = re.compile(
    rf"\n\n([^\n]{{1,{_WIDEST}}})(?=\n\n)"
)  # what is fixed comes first: it is quickly found


@dataclass(frozen=True)
class Section:
    """A stretch of a book, in characters."""

    name: str
    title: str
    start: int
    end: int


@dataclass(frozen=True)
class TextBook:
    """A book from a file, which is read again whenever its text is needed.

    Positions are those in its text with line feeds alone, or in what was taken out of its format.
    """

    path: Path
    sections: tuple[Section, ...]
    sha256: str
    content: str  # a hash that is the same for a copy with other white space or capitals

    @property
    def text(self) -> str:
        """Raises LithoError if the file has become shorter or longer."""
        text = _read(self.path, *_state(self.path)).text
        if len(text) != self.sections[-1].end:
            raise LithoError(f"{self.path} was changed while it was read: start again")
        return text


def read_book(path: Path, pattern: str | None = None) -> TextBook:
    """A book, whose sections begin where `pattern` is found in a line, or where headings are.

    Raises LithoError on what is no book, and on a pattern that finds no section.
    """
    return _book(path, pattern, *_state(path))


def _state(path: Path) -> tuple[int, int]:
    """By which a file that was changed is told from what is kept of it."""
    try:
        said = path.stat()
    except (OSError, ValueError) as error:  # the second: what no path may hold
        raise LithoError(f"{path} cannot be read: {getattr(error, 'strerror', error)}") from None
    return said.st_size, said.st_mtime_ns


@lru_cache(maxsize=KEPT)
def _read(path: Path, *state: int) -> Extract:
    return extract(path)


@cache
def _book(path: Path, pattern: str | None, *state: int) -> TextBook:
    read = _read(path, *state)
    text = read.text
    longest = max(map(len, text.splitlines()))
    if longest > LONGEST_LINE:
        raise LithoError(
            f"{path} has a line of {longest:,} characters: wrap its lines, for instance with "
            "'fold -s -w 100'"
        )
    if pattern is None:
        titles = read.parts or _titled(text, _found(text))
    else:
        try:
            titles = _titled(text, _lines_with(text, re.compile(pattern)))
        except re.error as error:
            raise LithoError(f"{pattern!r} is no regular expression: {error}") from None
        if not titles:
            raise LithoError(f"no line of {path} has {pattern!r} in it, which is to find sections")
    return TextBook(
        path,
        tuple(_sections(text, titles)),
        sha256=hashlib.sha256(text.encode()).hexdigest(),
        content=hashlib.sha256(" ".join(text.lower().split()).encode()).hexdigest(),
    )


def pages(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Where the pages of a section begin and end; each ends with a paragraph, if it can."""
    while end - start > PAGE:
        window = text[start : start + PAGE]
        cut = next((c for c in map(window.rfind, ("\n\n", "\n", ". ", " ")) if c > PAGE // 4), PAGE)
        cut += window.startswith(". ", cut)  # the stop belongs to its sentence
        yield start, start + cut
        start += cut
    if text[start:end].strip():
        yield start, end


def _found(text: str) -> list[int]:
    lines = list(_alone(text))
    for heading in _HEADINGS:
        starts = [start for start, line in lines if heading.fullmatch(line.strip())]
        if len(starts) > 1:
            return starts
    return []


def _alone(text: str) -> Iterator[tuple[int, str]]:
    """Where lines begin that have empty lines around them, and what they say."""
    if first := _FIRST_ALONE.match(text):
        yield 0, first[0]
    for line in _ALONE.finditer(text):
        yield line.start(1), line[1]


def _lines_with(text: str, pattern: re.Pattern[str]) -> Iterator[int]:
    start = 0
    for line in text.splitlines(keepends=True):
        if pattern.search(line):
            yield start
        start += len(line)


def _titled(text: str, starts: Iterable[int]) -> dict[int, str]:
    """The line that begins at each place."""
    return {start: _LINE.match(text, start)[0].strip().lstrip("# ") for start in starts}  # type: ignore[index]


def _sections(text: str, titles: Mapping[int, str]) -> Iterator[Section]:
    """Stretches from heading to heading; a very short one is joined with what follows it."""
    edges = [0]
    for start in titles:
        if len(text[edges[-1] : start].strip()) >= SHORTEST:
            edges.append(start)
    names: dict[str, int] = {}
    for start, end in zip(edges, [*edges[1:], len(text)], strict=True):
        title = _title(titles, start, end)[:_WIDEST]
        slug = re.sub(r"[^\w]+", "-", title.lower()).strip("-")[:40].strip("-") or "section"
        names[slug] = names.get(slug, 0) + 1
        name = slug if names[slug] == 1 else f"{slug}-{names[slug]}"
        yield Section(name, title, start, end)


def _title(titles: Mapping[int, str], start: int, end: int) -> str:
    """The first heading of a stretch."""
    if not titles:
        return "all"
    return next((title for at, title in titles.items() if start <= at < end), "front")
