"""A genome to start from, and its books to read."""

from collections.abc import Iterator
from pathlib import Path

from litho.core.errors import LithoError
from litho.core.files import check_new, whole_file
from litho.text.school.canonical import layers_in, of_folder, of_world, written
from litho.text.school.chance import chance
from litho.text.school.genome import LAYERS, layer_of, read_genome, read_of
from litho.text.school.shelf import open_shelf
from litho.text.school.world import World


def write_draft(genome: Path, world: int | None, books: Path | None) -> tuple[str, ...]:
    """Write a canonical genome; what should be known about it.

    Raises LithoError unless there is one of world and books.
    """
    if (world is None) is (books is None):
        raise LithoError("give one of --world SEED and --books DIR")
    check_new(genome)
    values = of_folder(books, genome) if books else of_world(World(world or 0))
    with whole_file(genome) as half:
        half.write_text(written(values), encoding="utf-8")
    left = layers_in(books)[1] if books else []
    if not left:
        return ()
    some = ", ".join(str(path) for path in left[:3]) + (" …" if len(left) > 3 else "")
    return (
        f"{len(left)} books are left out, for layers come from the first five subfolders: {some}",
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
