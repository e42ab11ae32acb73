"""Books of other packages: found by their entry point, read alike, and what breaks the rules."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from litho.core.errors import LithoError
from litho.text.school.genome import Book, parse_genome
from litho.text.school.plugins import open_plugin
from litho.text.school.shelf import PluginBook, open_book
from tests.jobs.genome.test_compiler import compiled

PLUGIN = """
class Songs:
    name = "the songs of hens"
    sections = ("morning", "night")
    def text(self, section):
        return "\\n\\n".join(f"A hen sings {n} times in the {section}." for n in range(200))

def songs(book):
    if book != "hens":
        raise KeyError(book)
    return Songs()
"""
GENOME = """
genome: litho.genome/1
id: songs
seed: 1
tokenizer: {kind: bytes}
budget: {tokens: 12000, tail: 0.1}
library:
  songs: {source: "plugin:farm/hens"}
stages:
  - {id: one, layer: school, share: 0.9, books: [songs#night, songs]}
crossrefs:
  - {id: r, from: songs#night, to: songs#morning, rate: 0.5}
"""
Plugged = Callable[[str], None]


@pytest.fixture
def plugged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Plugged]:
    """Installs a package with the plug-in `farm`, whose module is given."""
    site = tmp_path / "site"
    (site / "farm-1.0.dist-info").mkdir(parents=True)
    (site / "farm-1.0.dist-info" / "METADATA").write_text("Name: farm\nVersion: 1.0\n")
    points = "[litho.books]\nfarm = farm_books:songs\n"
    (site / "farm-1.0.dist-info" / "entry_points.txt").write_text(points)
    monkeypatch.syspath_prepend(str(site))

    def install(module: str) -> None:
        (site / "farm_books.py").write_text(module)

    yield install
    sys.modules.pop("farm_books", None)
    open_plugin.cache_clear()


def test_a_book_of_a_plug_in_is_compiled(plugged: Plugged, tmp_path: Path) -> None:
    plugged(PLUGIN)
    build = compiled(tmp_path, GENOME)
    spans = [span for stage in build.result.stages for span in build.spans(stage.id)]
    assert {span["section"] for span in spans} == {"morning", "night"}
    book = open_book(Book(source="plugin:farm/hens"), tmp_path)
    assert isinstance(book, PluginBook)
    for span in spans:
        text = build.text("one" if span in build.spans("one") else "tail", span)
        if span["kind"] == "reading":
            source = book.book.text(span["section"])
            assert source[span["source_start"] : span["source_end"]] == text
        else:
            assert text == " See the songs of hens, morning."
    assert book.size("night") == len(book.book.text("night"))


def test_other_words_are_another_book(plugged: Plugged, tmp_path: Path) -> None:
    plugged(PLUGIN)
    sha256 = open_plugin("plugin:farm/hens").sha256
    noted = GENOME.replace('hens"', f'hens", sha256: {sha256}')
    parse_genome(noted, "school.yaml", tmp_path)
    with pytest.raises(LithoError, match=r"line 8: .*sha256: plugin:farm/hens has another content"):
        parse_genome(noted.replace(sha256[:8], "0" * 8), "school.yaml", tmp_path)


@pytest.mark.parametrize(
    ("change", "source", "message"),
    [
        (("", ""), "plugin:farm", "write plugin:NAME/BOOK"),
        (("", ""), "plugin:barn/hens", "needs a plug-in 'barn'.*there is farm: install"),
        (("", ""), "plugin:farm/cats", "gives no book 'cats'"),
        (("def songs", "import none_such\ndef songs"), None, "cannot be imported .*none_such"),
        (("def songs", "def other"), None, "cannot be imported"),
        (("text(self", "said(self"), None, "section 'morning' cannot be read"),
        (('"morning", "night"', ""), None, "has no sections"),
        (('"night"', '"morning"'), None, "two of one name"),
        (('"night"', '"at night"'), None, "'at night' is no name of a section"),
        (("range(200)", "range(0)"), None, "section 'morning' has no text"),
        (("    name =", "    title ="), None, "has no name"),
        (("A hen", "A \\ud83d"), None, "half of a surrogate pair"),
    ],
)  # fmt: skip
def test_what_breaks_the_rules(
    plugged: Plugged, tmp_path: Path, change: tuple[str, str], source: str | None, message: str
) -> None:
    plugged(PLUGIN.replace(*change))
    genome = GENOME.replace("plugin:farm/hens", source or "plugin:farm/hens")
    with pytest.raises(
        LithoError, match=r"school.yaml, line 8: library.songs.source: .*" + message
    ):
        parse_genome(genome, "school.yaml", tmp_path)


@pytest.mark.parametrize("limit", [1, 900])
def test_what_is_random_is_refused(plugged: Plugged, tmp_path: Path, limit: int) -> None:
    """At once, or when a section has changed later."""
    count = f"COUNT = (max(0, n - {limit}) for n in range(10**6))\n"
    plugged(count + PLUGIN.replace("{n} times", "{n} + {next(COUNT)} times"))
    if limit > 1:
        open_plugin("plugin:farm/hens")
    with pytest.raises(LithoError, match=r"says something else under '(morning|night)' each time"):
        compiled(tmp_path, GENOME)
    assert not (tmp_path / "build").exists()


def test_without_any_plug_in() -> None:
    with pytest.raises(LithoError, match="but there is none: install the package"):
        open_plugin("plugin:farm/hens")
