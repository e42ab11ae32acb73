"""`litho genome`: which books a model is educated with, in which order."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from litho.cli.console import Bars, print_json, results, say_notices
from litho.cli.options import DeviceOption, DtypeOption, JsonOption, chosen_device

if TYPE_CHECKING:
    from litho.jobs.genome.records import CompressionMap

FEW = 6  # books that are named of those that are read as often
MOST_ROWS = 60  # sections whose costs are shown; of a larger library, books

genome = typer.Typer(help="Plan an education, and compile it.", no_args_is_help=True)

GenomeArgument = Annotated[
    Path, typer.Argument(metavar="GENOME", help="A genome, YAML; 'init' writes one.")
]


@genome.command()
def init(
    genome: Annotated[Path, typer.Argument(help="The file to write; must not exist.")],
    world: Annotated[
        int | None, typer.Option(min=0, help="Invent a world with this seed.", show_default=False)
    ] = None,
    books: Annotated[
        Path | None, typer.Option(help="A folder of books; subfolders are layers.")
    ] = None,
) -> None:
    """Write a canonical genome of five layers, of an invented world or of a folder of books."""
    from litho import api

    notices = api.init_genome(genome, world=world, books=books)
    results.print(f"genome   {genome}", soft_wrap=True)
    say_notices(notices)


MapOption = Annotated[
    str | None,
    typer.Option(
        "--model",
        help="Also measure what each section costs this model to read.",
        show_default="not measured",
    ),
]
SampleOption = Annotated[
    int | None,
    typer.Option(
        "--sample",
        min=1,
        help="Pages of a section that the model reads.",
        show_default="1 to 4, about 400 in all",
    ),
]


@genome.command()
def check(
    genome: GenomeArgument,
    model: MapOption = None,
    sample: SampleOption = None,
    device: DeviceOption = "auto",
    dtype: DtypeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check a genome, and say what it costs and how often each book is read."""
    from litho import api

    where = chosen_device(device, dtype)
    with Bars() as bars:
        result = api.check_genome(genome, model=model, sample=sample, device=where, progress=bars)
    if as_json:
        print_json(result)
        return
    table = Table(title=f"{result.id}: {result.tokens:,} tokens", show_edge=False)
    table.add_column("stage")
    table.add_column("layer")
    table.add_column("tokens", justify="right")
    table.add_column("reads its books", justify="right")
    for stage in result.stages:
        table.add_row(stage.id, stage.layer, f"{stage.tokens:,}", f"{stage.passes:,.1f} times")
    results.print(table)
    results.print(f"a build takes about {_size(result.disk)}")
    for times, books in _alike(result.repeats):
        results.print(f"{books}: read {times} times", soft_wrap=True)
    for before, after in result.violations:
        results.print(f"order    {before} should be read before {after}")
    if result.compression:
        _show_map(result.compression)
    say_notices(result.notices)


def _size(size: float) -> str:
    """Megabytes as a person says it."""
    return f"{size / 1000:,.1f} GB" if size >= 1000 else f"{size:.1f} MB"


def _alike(repeats: Mapping[str, float]) -> Iterator[tuple[str, str]]:
    """Books that are read about as often together, the most read first."""
    groups: dict[str, list[str]] = {}
    for book, often in sorted(repeats.items(), key=lambda item: -item[1]):
        groups.setdefault(f"{often:,.1f}", []).append(book)
    for times, books in groups.items():
        more = f" and {len(books) - FEW} more books" if len(books) > FEW else ""
        yield times, ", ".join(books[:FEW]) + more


def _show_map(found: "CompressionMap") -> None:
    """A line a section or, where these are many, a book."""
    few = len(found.sections) <= MOST_ROWS
    table = Table(title=f"bits per byte of {found.model}", show_edge=False)
    table.add_column("section" if few else "book")
    for column in ("model", "95 %", "floor or compressor", "excess"):
        table.add_column(column, justify="right")
    for book in found.books:
        low, high = book.bits.ci or (None, None)
        between = "–" if low is None else f"{low:.2f} to {high:.2f}"
        numbers = (book.bits.value or 0.0, book.reference, book.excess)
        _add_row(table, book.book, between, *numbers)
        for section in found.sections if few else ():
            if section.book == book.book:
                named = f"  {section.section}"
                _add_row(table, named, "", section.bits, section.reference, section.excess)
    results.print(table)
    results.print(
        f"{found.windows:,} windows of up to {found.window} tokens, {found.share:.1%} of the "
        f"library; compressor: {found.compressor}; floor: what was drawn to write a section of a "
        "world",
        soft_wrap=True,
    )


def _add_row(
    table: Table, name: str, between: str, bits: float, reference: float, excess: float
) -> None:
    numbers = (f"{bits:.2f}", between, f"{reference:.2f}", f"{excess:+.2f}")
    table.add_row(name, *numbers)


@genome.command()
def document(
    genome: GenomeArgument,
    out: Annotated[
        Path, typer.Option(help="The file to write: .html, a page to read and to print, or .md.")
    ],
    model: MapOption = None,
    sample: SampleOption = None,
    device: DeviceOption = "auto",
    dtype: DtypeOption = None,
) -> None:
    """Write the structure document: stages, books, gaps, references, scenes, with samples."""
    from litho import api

    where = chosen_device(device, dtype)
    with Bars() as bars:
        api.document_genome(genome, out, model=model, sample=sample, device=where, progress=bars)
    results.print(f"document {out}", soft_wrap=True)


@genome.command()
def show(
    genome: GenomeArgument,
    book: Annotated[str, typer.Argument(metavar="BOOK", help="A book, or BOOK#SECTION.")],
    layer: Annotated[
        str | None,
        typer.Option(
            help="As which layer a book of a world tells it.",
            show_default="that of the first stage that reads it",
        ),
    ] = None,
) -> None:
    """Print a book of the library as a person would read it."""
    from litho import api

    for page in api.show_book(genome, book, layer=layer):
        print(page + "\n")


@genome.command("compile")
def compile_(
    genome: GenomeArgument,
    out: Annotated[
        Path,
        typer.Option(help="Folder of the build; an earlier build there is brought up to date."),
    ],
    processes: Annotated[int, typer.Option(min=1, help="Stages that are compiled at once.")] = 1,
    as_json: JsonOption = False,
) -> None:
    """Compile a genome: tokens, where each came from, order, tests, audit, hashes."""
    from litho import api

    with Bars() as bars:
        result = api.compile_genome(genome, out, processes=processes, progress=bars)
    if as_json:
        print_json(result)
        return
    table = Table(title=f"vocabulary {result.vocabulary:,}", show_edge=False)
    table.add_column("stage")
    for column in ("tokens", "documents", "prefix", "made"):
        table.add_column(column, justify="right")
    for stage in result.stages:
        made = "before" if stage.reused else "now"
        table.add_row(
            stage.id, f"{stage.tokens:,}", f"{stage.documents:,}", stage.prefix_hash[:12], made
        )
    results.print(table)
    audit = result.audit
    order = "" if audit.precedence is None else f" · order kept {audit.precedence:.0%}"
    results.print(
        f"practice {audit.practice:.1%} · scenes {audit.scenes:.1%}{order} · leaks {audit.leaks}",
    )
    for leak in audit.leaked:
        place = f"leak     {leak.stage}, document {leak.document}: "
        results.print(place + leak.sentence, soft_wrap=True)
    asked = ", ".join(f"{kind} {count}" for kind, count in result.tests.items())
    results.print(f"tests    {asked or 'none'}", soft_wrap=True)
    results.print(f"build    {result.build}", soft_wrap=True)


@genome.command()
def where(
    build: Annotated[Path, typer.Argument(help="A folder that 'compile' made.")],
    what: Annotated[
        str, typer.Argument(metavar="WHAT", help="A token's place (123, school:45) or a text.")
    ],
    as_json: JsonOption = False,
) -> None:
    """Say from which book, section and scene a token, or a text, came."""
    from litho import api

    found = api.where_in_build(build, what)
    if as_json:
        print_json(found)
        return
    for place in found.places:
        role = f" ({place.role})" if place.role else ""
        results.print(
            f"{place.stage}:{place.token}  document {place.document}  {place.named}{role}"
            f"  {' '.join(place.facts)}".rstrip(),
            soft_wrap=True,
        )
        results.print(f"    {place.text}", soft_wrap=True)
    if found.count > len(found.places):
        results.print(f"… {found.count:,} places in all:")
    for section, count in found.sections.items():
        results.print(f"{count:>8,}  {section}")


@genome.command()
def diff(
    one: Annotated[Path, typer.Argument(help="A genome.")],
    other: Annotated[Path, typer.Argument(help="Another one.")],
) -> None:
    """Say what differs between two genomes."""
    from litho import api

    found = api.diff_genomes(one, other)
    for line in found or ["no difference"]:
        results.print(line, soft_wrap=True)
