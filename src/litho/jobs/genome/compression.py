"""The compression map: what each section of a library costs a model to read."""

import lzma
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from litho.core.errors import LithoError
from litho.core.reporter import Reporter
from litho.core.stats import ratio
from litho.jobs.cost import seconds_per_token
from litho.jobs.genome.records import BookCost, CompressionMap, SectionCost
from litho.jobs.models import Models
from litho.jobs.spec import Device
from litho.measure.compression import Cost, costs, window_of
from litho.model.loaded import LanguageModel
from litho.text.school.chance import chance
from litho.text.school.floor import Counted
from litho.text.school.genome import layer_of, read_genome
from litho.text.school.shelf import WorldBook
from litho.text.school.stages import School

COMPRESSOR = "LZMA2 over the whole section"
_FILTERS = [{"id": lzma.FILTER_LZMA2, "preset": 6}]
MOST, WINDOWS = 4, 400  # windows of a section, and of a library with few sections
TOGETHER = 16  # windows that are read between two reports


@dataclass(frozen=True)
class _Section:
    book: str
    name: str
    bytes: int
    reference: float  # bits per byte of the floor or the compressor
    windows: tuple[str, ...]  # pages, of which the model reads the beginning


def map_library(
    genome: Path, model: str | LanguageModel, device: Device, sample: int | None, reporter: Reporter
) -> CompressionMap:
    """The map of a genome's library. Raises LithoError if there is no such model."""
    models = Models()
    models.place(device)
    school = School.of(read_genome(genome), genome.absolute().parent)
    loaded = models.load(model) if isinstance(model, str) else model
    return compression_map(school, loaded, sample, reporter)


def compression_map(
    school: School, model: LanguageModel, sample: int | None, reporter: Reporter
) -> CompressionMap:
    """Read `sample` pages of each section; none: as many as about 400 in all allow, 1 to 4.

    Raises LithoError if the library has nothing to read.
    """
    count = sum(len(book.sections) for book in school.shelf.values())
    each = sample or max(1, min(MOST, WINDOWS // count))
    reporter.stage("compressing", count)
    sections = []
    for section in _sections(school, each):
        sections.append(section)
        reporter.advance(len(sections))
    texts = [(number, text) for number, s in enumerate(sections) for text in s.windows]
    _tell_time(model, len(texts), reporter)
    read: list[list[Cost]] = [[] for _ in sections]
    reporter.stage("reading", len(texts))
    row, done = iter(texts), 0
    while some := list(islice(row, TOGETHER)):
        for (number, _), cost in zip(some, costs(model, [t for _, t in some]), strict=True):
            if cost.bytes:
                read[number].append(cost)
        done += len(some)
        reporter.advance(done)
    return _mapped(school, model, sections, read)


def _sections(school: School, each: int) -> Iterator[_Section]:
    """All sections of the library, with pages drawn at random."""
    genome = school.genome
    for name, book in school.shelf.items():
        for section in book.sections:
            draw = Counted(genome.seed, "map", name, section)
            layer = layer_of(genome, name, section)
            pages = ["".join(p.text for p in page) for page in book.read(section, layer, draw)]
            raw = "\n\n".join(pages).encode()
            least = draw.bits if isinstance(book, WorldBook) else _compressed(raw)
            order = chance(genome.seed, "pages", name, section)
            chosen = sorted(order.sample(range(len(pages)), min(each, len(pages))))
            yield _Section(
                name,
                section,
                len(raw),
                least / max(1, len(raw)),
                tuple(pages[place] for place in chosen),
            )


def _compressed(raw: bytes) -> float:
    """Bits that the compressor needs."""
    return 8.0 * len(lzma.compress(raw, lzma.FORMAT_RAW, filters=_FILTERS))


def _tell_time(model: LanguageModel, windows: int, reporter: Reporter) -> None:
    tokens = windows * window_of(model)
    seconds = tokens * seconds_per_token(model)
    long = f"{seconds / 60:.0f} min" if seconds >= 90 else f"{seconds:.0f} s"
    reporter.note(f"reading {windows:,} windows, {tokens:,} tokens at most, takes about {long}")


def _mapped(
    school: School, model: LanguageModel, sections: list[_Section], read: list[list[Cost]]
) -> CompressionMap:
    whole = [cost for some in read for cost in some]
    if not whole:
        raise LithoError("the sections are too short to be read: none has two tokens")
    told = [
        SectionCost(
            book=section.book,
            section=section.name,
            windows=len(some),
            bits=bits,
            reference=section.reference,
            excess=bits - section.reference,
        )
        for section, some in zip(sections, read, strict=True)
        if some
        for bits in (sum(c.bits for c in some) / sum(c.bytes for c in some),)
    ]
    return CompressionMap(
        model=model.source.name,
        compressor=COMPRESSOR,
        window=window_of(model),
        windows=len(whole),
        share=sum(cost.bytes for cost in whole) / sum(section.bytes for section in sections),
        bits=ratio([c.bits for c in whole], [c.bytes for c in whole], school.genome.seed),
        books=tuple(_books(school, sections, read)),
        sections=tuple(told),
    )


def _books(school: School, sections: list[_Section], read: list[list[Cost]]) -> Iterator[BookCost]:
    for name in school.shelf:
        here = [place for place, section in enumerate(sections) if section.book == name]
        some = [cost for place in here for cost in read[place]]
        if some:
            bits = ratio([c.bits for c in some], [c.bytes for c in some], school.genome.seed)
            size = sum(sections[place].bytes for place in here)
            least = sum(sections[place].bytes * sections[place].reference for place in here)
            yield BookCost(
                book=name,
                bits=bits,
                against="floor" if isinstance(school.shelf[name], WorldBook) else "compressor",
                reference=least / size,
                excess=(bits.value or 0.0) - least / size,
            )
