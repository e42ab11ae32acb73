"""Genomes of a school: written, checked, read, compiled and compared; and the school itself."""

from collections.abc import Iterator
from pathlib import Path
from threading import Event as Flag
from typing import TYPE_CHECKING, cast

from litho.api.arguments import Progress, device_given, folder_given, reporter_given
from litho.api.runs import resume, run_job
from litho.core.errors import LithoError
from litho.core.reporter import Reporter
from litho.jobs.spec import Device

if TYPE_CHECKING:
    from litho.jobs.genome.records import CompressionMap
    from litho.jobs.genome.result import CheckResult, CompileResult, Where
    from litho.jobs.school.config import SchoolSpec
    from litho.jobs.school.result import SchoolResult
    from litho.model.loaded import LanguageModel


def init_genome(
    genome: Path, *, world: int | None = None, books: Path | None = None
) -> tuple[str, ...]:
    """Write a canonical genome of five layers: of a world by its seed, or of a folder of books.

    Returns what should be known about it, such as books that found no place. Raises LithoError if
    the file is there already, or a book cannot be read.
    """
    from litho.jobs.genome.draft import write_draft

    return write_draft(genome, world, books)


def check_genome(
    genome: Path,
    *,
    model: "str | LanguageModel | None" = None,
    sample: int | None = None,
    device: str | Device = "auto",
    progress: Progress | None = None,
    cancel: Flag | None = None,
) -> "CheckResult":
    """What a genome costs and, with a model, what each section costs that to read.

    `sample`: pages of a section that the model reads. Raises LithoError, with line and field, if
    anything in the genome is wrong.
    """
    from litho.jobs.genome.cost import check_genome

    result = check_genome(genome)
    mapped = _mapped(genome, model, sample, device, reporter_given(progress, cancel))
    return result.model_copy(update={"compression": mapped})


def document_genome(
    genome: Path,
    out: Path,
    *,
    model: "str | LanguageModel | None" = None,
    sample: int | None = None,
    device: str | Device = "auto",
    progress: Progress | None = None,
    cancel: Flag | None = None,
) -> None:
    """Write the structure document: stages, books, gaps, references and scenes, with samples.

    A page of HTML or, where `out` ends in `.md`, Markdown, in the language of `report`; a document
    that is there is replaced.
    With a model, it also shows what each section costs that to read, see `check_genome`. Raises
    LithoError if anything in the genome is wrong, or `out` is something else.
    """
    from litho.core.files import whole_file
    from litho.jobs.genome.document import TEXTS, check_document, read_outline
    from litho.show.say import chosen_language, speaking
    from litho.show.structure import MARK, structure_page
    from litho.show.structure_text import structure_text

    language = chosen_language()
    check_document(out, MARK)
    outline = read_outline(genome)
    mapped = _mapped(genome, model, sample, device, reporter_given(progress, cancel))
    outline = outline.model_copy(update={"compression": mapped})
    form = structure_text if out.suffix.lower() in TEXTS else structure_page
    with speaking(language), whole_file(out) as half:
        half.write_text(form(outline), encoding="utf-8")


def _mapped(
    genome: Path,
    model: "str | LanguageModel | None",
    sample: int | None,
    device: str | Device,
    reporter: Reporter,
) -> "CompressionMap | None":
    if model is None:
        return None
    from litho.jobs.genome.compression import map_library  # torch takes seconds

    return map_library(genome, model, device_given(device), sample, reporter)


def show_book(genome: Path, book: str, *, layer: str | None = None) -> Iterator[str]:
    """The pages of a book, or of `BOOK#SECTION`, as a layer tells it.

    Raises LithoError if the genome has no such book.
    """
    from litho.jobs.genome.draft import pages_of

    return pages_of(genome, book, layer)


def compile_genome(
    genome: Path,
    out: Path,
    *,
    processes: int = 1,
    progress: Progress | None = None,
    cancel: Flag | None = None,
) -> "CompileResult":
    """Compile a genome into a build; one that is there is brought up to date.

    Raises LithoError if the genome is at fault, or `out` is something else than a build.
    """
    from litho.jobs.genome.compiler import compile_genome

    return compile_genome(genome, out, processes, reporter_given(progress, cancel))


def where_in_build(build: Path, what: str) -> "Where":
    """Where the token at a place (`123`, `school:45`), or a text, came from.

    Raises LithoError if there is no such place or text.
    """
    from litho.jobs.genome.build import Build

    return Build.opened(build).where(what)


def diff_genomes(one: Path, other: Path) -> list[str]:
    """What differs between two genomes, a line each."""
    from litho.text.school.changes import changes
    from litho.text.school.genome import read_genome

    return list(changes(read_genome(one), read_genome(other)))


def school(
    genome: Path,
    *,
    out: Path | None = None,
    build: Path | None = None,
    checkpoints: Path | None = None,
    processes: int = 1,
    replay: Path | None = None,
    device: str | Device = "auto",
    progress: Progress | None = None,
    cancel: Flag | None = None,
) -> "SchoolResult":
    """Compile a genome, and train its model through all stages.

    An unfinished run of the same genome in `out` goes on, also with other gates. `build`: an
    earlier build, taken as it is if it is of this genome; else its stages that would come out the
    same are taken over. `checkpoints`: a folder that several schools share, which then train common
    first stages once.
    `processes`: how many compile stages and, on the CPU, share the rows of each step of training.
    `replay`: a run of a genome with pacing, whose events happen again in place of decisions.
    Raises LithoError if anything given is unusable.
    """
    from litho.core.encoding import read_utf8
    from litho.jobs.school.config import SchoolSpec
    from litho.jobs.school.pacing import read_events

    spec = SchoolSpec(
        written=read_utf8(genome),
        source=str(genome),
        folder=str(genome.absolute().parent),
        build=None if build is None else str(build.absolute()),
        checkpoints=None if checkpoints is None else str(checkpoints.absolute()),
        processes=processes,
        replayed=None if replay is None else read_events(replay),
        device=device_given(device),
    )
    return _raised(spec, folder_given(out, genome.stem, "school"), progress, cancel)


def raise_twins(
    genome: Path,
    folder: Path,
    device: str | Device = "auto",
    progress: Progress | None = None,
    cancel: Flag | None = None,
) -> dict[str, str]:
    """Raise a model on each twin of a genome's world in `folder`; one that was, is taken as it is.

    Returns the folders of the models, by twin. Raises LithoError if something else is there.
    """
    from litho.core.runs import check_free
    from litho.jobs.runner import is_begun, is_done, job_of
    from litho.jobs.school.config import SchoolSpec
    from litho.text.school.canonical import rewritten
    from litho.text.school.genome import read_genome
    from litho.text.school.twins import twin_genome
    from litho.text.school.world import TWINS

    known, job = read_genome(genome), job_of("school")
    missing: list[tuple[SchoolSpec, Path]] = []
    models = {}
    for twin in filter(None, TWINS):
        raised = twin_genome(known, twin)
        text = rewritten(raised)
        source, home = f"{genome} ({twin} twin)", genome.absolute().parent
        spec = SchoolSpec(
            written=text, source=source, folder=str(home), device=device_given(device)
        )
        out = folder.absolute() / twin
        models[twin] = str(out / "model")
        if is_done(job, spec, out):
            continue
        if out.exists():
            raise LithoError(
                f"{out} is not the {twin} twin of {genome} as it is now: choose another folder "
                "with --twins"
            )
        if not is_begun(job, spec, out):
            check_free(out, "--twins")
        missing.append((spec, out))
    for spec, out in missing:
        _raised(spec, out, progress, cancel)
    return models


def _raised(
    spec: "SchoolSpec", folder: Path, progress: Progress | None, cancel: Flag | None
) -> "SchoolResult":
    """Go on with an unfinished run of the same, or start one."""
    from litho.jobs.runner import is_begun, job_of
    from litho.jobs.school.gates import let_on

    if is_begun(job_of("school"), spec, folder) or let_on(spec, folder):
        result = resume(folder, progress=progress, cancel=cancel)
    else:
        result = run_job("school", spec, folder, None, progress, cancel)
    return cast("SchoolResult", result)
