"""Which sections should be read before which, and how far a genome keeps to it."""

from collections.abc import Iterator

from litho.text.school.genome import Genome
from litho.text.school.pages import NAMES, SURVEYS
from litho.text.school.plan import sections_read
from litho.text.school.shelf import Shelf

Need = tuple[str, str]  # sections: the first should be read before the second


def needs(genome: Genome, shelf: Shelf) -> Iterator[Need]:
    """In a book of a world: names before all, facts before second reports; and references."""
    for name, book in shelf.of_world().items():
        for section in book.sections:
            if section != NAMES and NAMES in book.sections:
                yield f"{name}#{NAMES}", f"{name}#{section}"
            if book.relation(section) and SURVEYS in book.sections:
                yield f"{name}#{section}", f"{name}#{SURVEYS}"
    for reference in genome.crossrefs:
        yield reference.to, reference.from_


def violations(genome: Genome, shelf: Shelf) -> tuple[list[Need], int]:
    """Needs that the order of first readings breaks, and how many needs there are."""
    first: dict[str, int] = {}
    for stage in genome.stages:
        for book, section in sections_read(stage, shelf):
            first.setdefault(f"{book}#{section}", len(first))
    known = [(b, a) for b, a in needs(genome, shelf) if b in first and a in first]
    return [(b, a) for b, a in known if first[b] > first[a]], len(known)
