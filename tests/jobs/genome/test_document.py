"""The structure document: what it says is what is compiled, and it asks nobody for anything."""

import re
from pathlib import Path

import pytest

import litho
from litho.core.errors import LithoError
from litho.jobs.genome.build import Build
from litho.jobs.genome.cost import check_genome
from litho.jobs.genome.document import read_outline
from litho.jobs.genome.records import Outline
from litho.show.structure import structure_page
from litho.text.school.canonical import of_folder, written
from tests.jobs.genome.test_compiler import BOOK, compiled, genome_of


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Build:
    return compiled(tmp_path_factory.mktemp("school"), genome_of(30_000))


@pytest.fixture(scope="module")
def outline(build: Build) -> Outline:
    return read_outline(build.folder.parent / "school.yaml")


def test_samples_are_what_is_compiled(build: Build, outline: Outline) -> None:
    for stage in outline.stages:
        page = next(d for d in build.documents(stage.id) if d[0]["kind"] == "reading")
        text = "".join(build.text(stage.id, span) for span in page)
        assert text.startswith(stage.sample.removesuffix(" …"))
        if stage.practice and stage.passes > 1:
            asked = next(d for d in build.documents(stage.id) if d[0]["kind"] == "practice")
            text = "".join(build.text(stage.id, span) for span in asked)
            assert text.startswith(stage.practice.sample)
    played = 0
    for scene in outline.scenes:
        for stage_id in scene.stages[:1]:
            first = next(d for d in build.documents(stage_id) if d[0]["scene"] == scene.id)
            assert "".join(build.text(stage_id, span) for span in first) == scene.sample
            played += 1
    assert played == len(outline.scenes) > 4
    (reference,) = outline.references
    assert reference.sample and build.where(reference.sample).count >= 1


def test_it_counts_as_check_does(build: Build, outline: Outline) -> None:
    told = check_genome(build.folder.parent / "school.yaml")
    assert {book.name: book.times for book in outline.books} == told.repeats
    assert [stage.passes for stage in outline.stages] == [stage.passes for stage in told.stages]
    for stage in outline.stages:
        assert all(reading.times >= stage.passes for reading in stage.readings)
    assert {test.kind: test.count for test in outline.tests} == build.result.tests


def test_gaps_say_what_stays_open(build: Build, outline: Outline) -> None:
    hidden = [gap for gap in outline.gaps if gap.level == "L3"]
    assert hidden and all(gap.hidden > 0 and gap.sample for gap in hidden)
    for gap in hidden:
        question = gap.sample.split("?")[0] + "?"
        for stage in build.result.stages:
            for document in build.documents(stage.id):
                if document[0]["kind"] == "practice":
                    text = "".join(build.text(stage.id, span) for span in document)
                    assert question not in text


def test_the_page_has_everything_and_asks_for_nothing(outline: Outline) -> None:
    page = structure_page(outline)
    links = re.findall(r"""(?:src|href)=["'](.*?)["']""", page)
    assert links and all(link.startswith(("#", "data:")) for link in links)
    assert "<script" not in page and "url(http" not in page
    ids = [each.id for each in outline.stages] + [each.id for each in outline.gaps]
    ids += [each.id for each in outline.references] + [each.id for each in outline.scenes]
    assert all(name in page for name in ids)
    picture = page[page.index("<svg") : page.index("</svg>")]
    assert picture.count('class="gap ') == len(outline.gaps)
    assert picture.count('class="reference"') == len(outline.references)
    steps = len(outline.books) * (len(outline.stages) - 1)
    assert picture.count('class="path"') == steps
    numbers = [float(n) for n in re.findall(r'(?:x|y|width|height)="([\d.]+)"', picture)]
    assert numbers and min(numbers) >= 0


def test_books_from_files_and_a_title_that_is_markup(tmp_path: Path) -> None:
    (tmp_path / "books").mkdir()
    (tmp_path / "books" / "one.txt").write_text(BOOK.replace("CHAPTER II.", "CHAPTER II. <b>|"))
    values = of_folder(tmp_path / "books", tmp_path / "school.yaml")
    values["tokenizer"], values["budget"]["tokens"] = {"kind": "bytes"}, 6000
    (tmp_path / "school.yaml").write_text(written(values))
    outline = read_outline(tmp_path / "school.yaml")
    assert [section.title for section in outline.books[0].sections][1] == "CHAPTER II. <b>|"
    page = structure_page(outline)
    assert "CHAPTER II. &lt;b&gt;|" in page and "<b>" not in page
    litho.document_genome(tmp_path / "school.yaml", tmp_path / "school.md")
    text = (tmp_path / "school.md").read_text()
    assert "| one | `file:books/one.txt` |" in text and "> CHAPTER I." in text


@pytest.mark.parametrize("name", ["school.html", "school.md"])
def test_only_a_document_is_written_anew(build: Build, tmp_path: Path, name: str) -> None:
    genome, out = build.folder.parent / "school.yaml", tmp_path / name
    litho.document_genome(genome, out)
    first = out.read_text()
    litho.document_genome(genome, out)
    assert out.read_text() == first
    out.write_text("my own notes")
    with pytest.raises(LithoError, match="is no such document"):
        litho.document_genome(genome, out)
    assert out.read_text() == "my own notes"
    with pytest.raises(LithoError, match=r"let it end in .html or .md"):
        litho.document_genome(genome, tmp_path / "school.txt")
    with pytest.raises(LithoError, match="there is no folder"):
        litho.document_genome(genome, tmp_path / "none" / name)
