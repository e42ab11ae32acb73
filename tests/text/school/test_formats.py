"""Books from EPUB, HTML and Markdown: clean text, chapters as sections, and what is refused."""

import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

from litho.core.errors import LithoError
from litho.text.school.books import TextBook, read_book
from litho.text.school.formats import extract
from litho.text.school.formats.html import text_of

BODY = "The hen lays an egg in the morning. " * 8
CONTAINER = (
    '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
    '<rootfile full-path="OEBPS/book.opf"/></rootfiles></container>'
)


def epub(path: Path, pages: dict[str, str], more: dict[str, str] | None = None) -> Path:
    """An EPUB whose pages stand in its spine; `more`: other files, None for those left out."""
    items = "".join(
        f'<item id="p{n}" href="{name}" media-type="application/xhtml+xml"/>'
        for n, name in enumerate(pages)
    )
    refs = "".join(f'<itemref idref="p{n}"/>' for n in range(len(pages)))
    files = {
        "META-INF/container.xml": CONTAINER,
        "OEBPS/book.opf": (
            '<package xmlns="http://www.idpf.org/2007/opf" version="3.0"><manifest>'
            f'{items}<item id="nav" href="nav.xhtml" properties="nav" '
            'media-type="application/xhtml+xml"/><item id="ncx" href="toc.ncx" '
            'media-type="application/x-dtbncx+xml"/></manifest>'
            f'<spine><itemref idref="nav"/>{refs}</spine></package>'
        ),
        "OEBPS/nav.xhtml": "<body><nav><a href='a.xhtml'>Contents of hens</a></nav></body>",
    }
    files |= {f"OEBPS/{name}": page for name, page in pages.items()}
    with ZipFile(path, "w") as archive:
        archive.writestr("mimetype", "application/epub+zip")
        for name, content in (files | (more or {})).items():
            if content:
                archive.writestr(name, content)
    return path


def page(inner: str) -> str:
    return (
        '<?xml version="1.0" encoding="utf-8"?><html xmlns="http://www.w3.org/1999/xhtml" '
        'xmlns:epub="http://www.idpf.org/2007/ops"><head><title>No text</title>'
        f"<style>p {{ }}</style><script/></head><body>{inner}</body></html>"
    )


def titles(book: TextBook) -> list[str]:
    return [section.title for section in book.sections]


def test_an_epub_is_read_chapter_by_chapter(tmp_path: Path) -> None:
    path = epub(
        tmp_path / "hens.epub",
        {
            "a.xhtml": page(
                f"<h1>I<br/>Of  Hens</h1><p>{BODY}</p><h4>Small</h4><p>Naïve&#160;hen.</p>"
            ),
            "b c.xhtml": page(f"<h2>Of Eggs</h2><div>{BODY}<p>An <i>e</i>gg.</p></div>"),
        },
    )
    book = read_book(path)
    assert titles(book) == ["I Of Hens", "Of Eggs"]
    first, second = book.sections
    body = BODY.strip()
    assert book.text[: second.start] == f"I Of Hens\n\n{body}\n\nSmall\n\nNaïve hen.\n\n"
    assert book.text[second.start :] == f"Of Eggs\n\n{body}\n\nAn egg."
    assert (first.start, second.end) == (0, len(book.text))
    assert read_book(path, "^Small").sections[1].title == "Small"


def test_pages_without_headings_have_the_titles_of_the_contents(tmp_path: Path) -> None:
    ncx = (
        '<ncx xmlns="http://www.daisy.org/z3986/2005/ncx/"><navMap><navPoint><navLabel><text>One'
        '</text></navLabel><content src="b.xhtml#x"/></navPoint></navMap></ncx>'
    )
    pages = {"a.xhtml": page(f"<p>{BODY}</p>"), "b.xhtml": page(f"<p>{BODY}</p>")}
    book = read_book(epub(tmp_path / "old.epub", pages, {"OEBPS/toc.ncx": ncx}))
    assert titles(book) == ["Contents of hens", "One"]


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>Egg<a epub:type='noteref'>1</a>.</p><aside epub:type='footnote'>No</aside>", "Egg."),
        ("<p>Egg<sup><a href='n.html#n1'>12</a></sup>, <a href='#n'>[2]</a>yes.</p>", "Egg, yes."),
        ("<div class='footnotes'><p>No</p></div><p>Egg</p><p class='footnote'>No</p>", "Egg"),
        ("<nav>No</nav><section role='doc-toc'>No</section><p>Egg</p><footer>No</footer>", "Egg"),
        ("<section class='pg-boilerplate' id='pg-header'>No</section><p>Egg</p>", "Egg"),
        ("<p>Egg<span class='pagenum'>[12]</span>s</p><p hidden>No</p>", "Eggs"),
        ("<p><a href='#x'>Hen</a> &amp; 10<sup>6</sup>, 2<sup>nd</sup></p>", "Hen & 10⁶, 2nd"),
        ("<ul><li>Hen</li><li>Egg</li></ul><p>So</p>", "Hen\nEgg\n\nSo"),
        ("<table><tr><td>Hen</td><td>2</td></tr><tr><td>Egg</td></tr></table>", "Hen 2\nEgg"),
        ("<p>One,<br>two</p><pre>  a\n   b\n</pre>end", "One,\ntwo\n\n  a\n   b\n\nend"),
        ("<p>co\u00adop\n  er<!-- no -->ate", "coop erate"),
        ("<p>Egg<a id='x'/>s<script/> go", "Eggs go"),
        ("<p>No</p><main><p>Egg</p></main>No", "Egg"),
        ("", ""),
    ],
)  # fmt: skip
def test_what_html_says(html: str, text: str) -> None:
    assert text_of(page(html)).text == text


def test_html_in_the_encoding_that_it_declares(tmp_path: Path) -> None:
    path = tmp_path / "книга.html"
    for raw in (
        f"<meta charset=windows-1251><h1>Курица</h1><p>{BODY}</p>".encode("cp1251"),
        f"<h1>Курица</h1><p>{BODY}</p>".encode(),
        f"<h1>Курица</h1><p>{BODY}</p>".encode("utf-16"),
    ):
        path.write_bytes(raw)
        assert titles(read_book(path)) == ["Курица"]
    path.write_bytes(f"<p>{'Курица несёт яйца каждое утро. ' * 20}</p>".encode("cp1251"))
    with pytest.raises(LithoError, match="it looks like cp1251"):
        read_book(path)
    path.write_bytes(b"<html><script>1</script></html>")
    with pytest.raises(LithoError, match="has no text in it"):
        read_book(path)


def test_markdown_without_its_marks(tmp_path: Path) -> None:
    path = tmp_path / "hens.md"
    path.write_text(
        f"---\ntitle: no\n---\n# Of *Hens*\n\nA **hen**\nlays[^1] [eggs](http://x.y), `2 * 3`.\n"
        f"{BODY}\n"
        "\n- one\n- two\n\n```\n  kept\n    as it is\n```\n\n[^1]: A note\n    that goes on.\n\n"
        f"<!-- no -->\n\nOf Eggs\n-------\n\n| a | b |\n| - | - |\n| 1 | 2 |\n\n{BODY}"
    )
    book = read_book(path)
    assert titles(book) == ["Of Hens", "Of Eggs"]
    body = BODY.strip()
    assert book.text == (
        f"Of Hens\n\nA hen lays eggs, 2 * 3. {body}\n\none\ntwo\n\n  kept\n    as it is\n\n"
        f"Of Eggs\n\na b\n1 2\n\n{body}"
    )


def test_the_same_book_in_two_formats_is_the_same(tmp_path: Path) -> None:
    book = read_book(epub(tmp_path / "a.epub", {"a.xhtml": page(f"<h1>Hens</h1><p>{BODY}</p>")}))
    (tmp_path / "a.md").write_text(f"# Hens\n\n{BODY}\n")
    assert read_book(tmp_path / "a.md").content == book.content


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"META-INF/container.xml": ""}, "is no EPUB: it has no META-INF/container.xml"),
        ({"META-INF/container.xml": "<a/>"}, "names no package"),
        ({"OEBPS/book.opf": ""}, "is damaged: it lacks OEBPS/book.opf"),
        ({"OEBPS/book.opf": "no"}, "is no XML"),
        ({"OEBPS/a.xhtml": ""}, "is damaged: it lacks OEBPS/a.xhtml"),
        ({"OEBPS/a.xhtml": page("<p><img src='x.png'/></p>")}, "has no text in it"),
        (
            {
                "META-INF/encryption.xml": "<encryption><EncryptedData><CipherData>"
                '<CipherReference URI="OEBPS/a.xhtml"/></CipherData></EncryptedData></encryption>'
            },
            "is encrypted .*: give a copy without",
        ),
    ],
)
def test_what_is_no_epub(tmp_path: Path, more: dict[str, str], message: str) -> None:
    path = epub(tmp_path / "bad.epub", {"a.xhtml": page("<p>Egg</p>")}, more)
    with pytest.raises(LithoError, match=message):
        read_book(path)


def test_a_damaged_archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = epub(tmp_path / "bad.epub", {"a.xhtml": page(f"<p>{BODY}</p>")})
    monkeypatch.setattr("litho.text.school.formats.epub.LARGEST", 100)
    with pytest.raises(LithoError, match="unpacks to over"):
        extract(path)
    raw = path.read_bytes()
    for damaged in (b"", raw[:200], raw.replace(b"The hen lays", b"The cat lays", 1)):
        path.write_bytes(damaged)
        with pytest.raises(LithoError, match=r"bad\.epub (is|has)"):
            extract(path)


def test_a_hostile_package_reads_no_file_and_expands_nothing(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    entity = (
        f'<!DOCTYPE x [<!ENTITY e SYSTEM "file://{tmp_path}/secret">]><container>&e;</container>'
    )
    path = epub(tmp_path / "a.epub", {"a.xhtml": page("x")}, {"META-INF/container.xml": entity})
    with pytest.raises(LithoError, match="names no package"):
        extract(path)


def test_without_the_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = epub(tmp_path / "a.epub", {"a.xhtml": page("x")})
    monkeypatch.setitem(sys.modules, "lxml", None)
    for name in ("epub", "html"):
        monkeypatch.delitem(sys.modules, f"litho.text.school.formats.{name}")
    with pytest.raises(LithoError, match=r"pip install 'litho\[books\]'"):
        extract(path)
