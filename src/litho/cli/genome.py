"""`litho genome`: which books a model is educated with, in which order."""

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from litho.cli.console import Bars, print_json, results, say_notices
from litho.cli.options import JsonOption

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
    results.print(f"genome   {genome}", soft_wrap=True, markup=False)
    say_notices(notices)


@genome.command()
def check(genome: GenomeArgument, as_json: JsonOption = False) -> None:
    """Check a genome, and say what it costs and how often each book is read."""
    from litho import api

    result = api.check_genome(genome)
    if as_json:
        print_json(result)
        return
    table = Table(title=f"{result.id}: {result.tokens:,} tokens", show_edge=False)
    table.add_column("stage")
    table.add_column("layer")
    table.add_column("tokens", justify="right")
    table.add_column("reads its books", justify="right")
    for stage in result.stages:
        table.add_row(stage.id, stage.layer, f"{stage.tokens:,}", f"{stage.passes:.1f} times")
    results.print(table)
    for book, times in result.repeats.items():
        results.print(f"{book}: read {times:.1f} times", markup=False)
    for before, after in result.violations:
        results.print(f"order    {before} should be read before {after}", markup=False)
    say_notices(result.notices)


@genome.command()
def document(
    genome: GenomeArgument,
    out: Annotated[
        Path, typer.Option(help="The file to write: .html, a page to read and to print, or .md.")
    ],
) -> None:
    """Write the structure document: stages, books, gaps, references, scenes, with samples."""
    from litho import api

    api.document_genome(genome, out)
    results.print(f"document {out}", soft_wrap=True, markup=False)


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
        markup=False,
    )
    for leak in audit.leaked:
        place = f"leak     {leak.stage}, document {leak.document}: "
        results.print(place + leak.sentence, soft_wrap=True, markup=False)
    asked = ", ".join(f"{kind} {count}" for kind, count in result.tests.items())
    results.print(f"tests    {asked or 'none'}", soft_wrap=True, markup=False)
    results.print(f"build    {result.build}", soft_wrap=True, markup=False)


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
            markup=False,
        )
        results.print(f"    {place.text}", soft_wrap=True, markup=False)
    if found.count > len(found.places):
        results.print(f"… {found.count:,} places in all:")
    for section, count in found.sections.items():
        results.print(f"{count:>8,}  {section}", markup=False)


@genome.command()
def diff(
    one: Annotated[Path, typer.Argument(help="A genome.")],
    other: Annotated[Path, typer.Argument(help="Another one.")],
) -> None:
    """Say what differs between two genomes."""
    from litho import api

    found = api.diff_genomes(one, other)
    for line in found or ["no difference"]:
        results.print(line, soft_wrap=True, markup=False)
