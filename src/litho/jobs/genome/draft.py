"""A genome to start from, and its books to read."""

from collections.abc import Iterator
from math import ceil
from pathlib import Path
from typing import Any

from litho.core.errors import LithoError
from litho.core.files import check_new, whole_file
from litho.jobs.genome.words import sample, tokens_per_character
from litho.model.codec import trained
from litho.text.school.canonical import copies, layers_in, of_folder, of_world, written
from litho.text.school.chance import chance
from litho.text.school.genome import LAYERS, layer_of, parse_genome, read_genome, read_of
from litho.text.school.shelf import open_shelf
from litho.text.school.stages import School
from litho.text.school.world import World

LEAST_TOKENS = 1000  # that a genome may ask for


def write_draft(genome: Path, world: int | None, books: Path | None) -> tuple[str, ...]:
    """Write a canonical genome; what should be known about it.

    Raises LithoError unless there is one of world and books.
    """
    if (world is None) is (books is None):
        raise LithoError("give one of --world SEED and --books DIR")
    check_new(genome)
    if books is None:
        _write(genome, of_world(World(world or 0)))
        return ()
    _write(genome, _fitted(of_folder(books, genome), genome))
    return tuple(_left_out(books))


def _write(genome: Path, values: dict[str, Any]) -> None:
    with whole_file(genome) as half:
        half.write_text(written(values), encoding="utf-8")


def _fitted(values: dict[str, Any], genome: Path) -> dict[str, Any]:
    """With a vocabulary that a small library has, too, and tokens to read each book once."""
    folder = genome.absolute().parent
    school = School.of(parse_genome(written(values), str(genome), folder), folder)
    codec = trained(sample(school), school.genome.tokenizer.vocab)
    size = sum(book.size(section) for book in school.shelf.values() for section in book.sections)
    tokens = ceil(size * tokens_per_character(school, codec) / (1 - school.genome.budget.tail))
    return values | {
        "tokenizer": {**values["tokenizer"], "vocab": codec.vocabulary},
        "budget": {**values["budget"], "tokens": max(LEAST_TOKENS, tokens)},
    }


def _left_out(books: Path) -> Iterator[str]:
    layers, left = layers_in(books)
    for path, earlier in copies(layers).items():
        yield f"{path} is left out: it says the same as {earlier}"
    if left:
        some = ", ".join(str(path) for path in left[:3]) + (" …" if len(left) > 3 else "")
        yield (
            f"{len(left)} books are left out, for layers come from the first five subfolders: "
            f"{some}"
        )


def pages_of(genome: Path, asked: str, layer: str | None) -> Iterator[str]:
    """The pages of the first reading of a book, or of a section of it."""
    read = read_genome(genome)
    shelf = open_shelf(read, genome.absolute().parent)
    try:
        name, section, _ = read_of(asked)
    except ValueError as error:
        raise LithoError(str(error)) from None
    if name not in shelf:
        raise LithoError(f"there is no book {name!r} in the library, but {', '.join(shelf)}")
    book = shelf[name]
    if section and section not in book.sections:
        raise LithoError(f"{name!r} has no section {section!r}, but {', '.join(book.sections)}")
    if layer not in (None, *LAYERS):
        raise LithoError(f"there is no layer {layer!r}, but {', '.join(LAYERS)}")
    told = {each: layer or layer_of(read, name, each) for each in book.sections}
    return (
        "".join(piece.text for piece in page)
        for each in ([section] if section else book.sections)
        for page in book.read(each, told[each], chance(read.seed, "show", name, each))
    )
