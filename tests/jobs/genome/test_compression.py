"""The compression map: every section against its floor or a compressor, the same every time."""

import lzma
from pathlib import Path

import pytest

import litho
from litho.core.errors import LithoError
from litho.core.reporter import Event, Listener
from litho.jobs.genome import compression
from litho.jobs.genome.compression import map_library
from litho.jobs.genome.document import read_outline
from litho.jobs.genome.records import CompressionMap
from litho.jobs.spec import Device
from litho.measure.compression import costs
from litho.model.loaded import LanguageModel
from litho.show.structure import structure_page
from litho.show.structure_text import structure_text
from litho.text.school.canonical import of_folder, written
from tests.jobs.genome.test_compiler import BOOK, genome_of


def mapped(path: Path, llama: LanguageModel, sample: int | None = 1) -> CompressionMap:
    return map_library(path, llama, Device(), sample, Listener(lambda event: None))


def test_the_map_of_a_world(
    tmp_path: Path, llama: LanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "school.yaml").write_text(genome_of())
    found = mapped(tmp_path / "school.yaml", llama)
    named = [(cost.book, cost.section) for cost in found.sections]
    assert len(named) == len(set(named)) == found.windows and ("plants", "soils") in named
    assert [book.book for book in found.books] == ["minerals", "plants"]
    assert {book.against for book in found.books} == {"floor"}
    assert 0 < found.share < 1
    for cost in found.sections:
        assert 0 < cost.reference < 1 < cost.bits == pytest.approx(cost.excess + cost.reference)
    monkeypatch.setattr(compression, "TOGETHER", 3)
    again = mapped(tmp_path / "school.yaml", llama)
    bits = [[cost.bits for cost in each.sections] for each in (found, again)]
    assert bits[0] == pytest.approx(bits[1], rel=1e-5)
    assert [c.reference for c in found.sections] == [c.reference for c in again.sections]


def test_the_map_of_a_file_and_its_document(tmp_path: Path, llama: LanguageModel) -> None:
    (tmp_path / "books").mkdir()
    (tmp_path / "books" / "one.txt").write_text(BOOK)
    values = of_folder(tmp_path / "books", tmp_path / "school.yaml")
    values["tokenizer"] = {"kind": "bytes"}
    genome = tmp_path / "school.yaml"
    genome.write_text(written(values))
    events: list[Event] = []
    result = litho.check_genome(genome, model=llama, progress=events.append)
    found = result.compression
    assert found and [cost.windows for cost in found.sections] == [1, 1, 1]
    notes = [event.note for event in events if event.note]
    assert notes and "reading 3 windows" in notes[0] and "takes about" in notes[0]
    text = BOOK[: BOOK.index("CHAPTER II.")].strip()
    (cost,) = costs(llama, [text])
    assert found.sections[0].bits == pytest.approx(cost.bits / cost.bytes, rel=1e-4)
    packed = lzma.compress(text.encode(), lzma.FORMAT_RAW, filters=[{"id": lzma.FILTER_LZMA2}])
    assert found.sections[0].reference == pytest.approx(8 * len(packed) / len(text.encode()))
    assert found.books[0].against == "compressor"

    litho.document_genome(genome, tmp_path / "school.html", model=llama)
    page = (tmp_path / "school.html").read_text()
    assert page.count('class="cell"') == 3 and f"{found.sections[0].bits:.2f} bits" in page
    assert "What each section costs" not in structure_page(read_outline(genome))
    outline = read_outline(genome).model_copy(update={"compression": found})
    assert f"| one#chapter-i | {found.sections[0].bits:.2f} |" in structure_text(outline)


def test_an_unknown_model_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "school.yaml").write_text(genome_of())
    with pytest.raises(LithoError, match="none-such"):
        litho.document_genome(tmp_path / "school.yaml", tmp_path / "s.html", model="tiny:none-such")
    assert [path.name for path in tmp_path.iterdir()] == ["school.yaml"]
