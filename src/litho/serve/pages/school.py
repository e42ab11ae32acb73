"""*School*: genomes that are rearranged, the schools that follow them, and their exams.

What knows schools is imported once a page asks for it: the first page has to be there at once.
"""

import json
from collections.abc import Mapping
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Depends, Request
from pydantic import ValidationError
from starlette.responses import RedirectResponse, Response

from litho.core.errors import LithoError
from litho.core.files import check_new, whole_file
from litho.serve.pages.base import (
    Bench,
    begun,
    bench_of,
    expected,
    form_of,
    json_of,
    model_in,
    models_of,
    page,
    school_models,
    text_in,
    words_of,
)
from litho.serve.sources import check_named, genomes_of, read_genome, read_source

if TYPE_CHECKING:
    from litho.jobs.genome.arranged import Arranged, StageOrder
    from litho.jobs.school.config import SchoolSpec
    from litho.text.school.genome import Genome

router = APIRouter()
COMMANDS = ("school", "exam", "evolve")
MOST_STAGES, MOST_BOOKS = 200, 2000
CHECKPOINTS = "checkpoints"  # which all schools of the folder share


@router.get("/school")
def school(request: Request) -> Response:
    bench = bench_of(request)
    runs = bench.folder.runs()
    return page(
        request,
        "school.html.j2",
        title=words_of(request)("nav.school"),
        genomes=genomes_of(bench.folder),
        runs=[run for run in runs if run.command in COMMANDS],
        models=school_models(bench, runs) or models_of(bench, runs),
    )


@router.post("/school/new")
def new_genome(request: Request, sent: Annotated[Mapping[str, str], Depends(form_of)]) -> Response:
    """A canonical genome of a world, as `litho genome init` writes it."""
    from litho.api.school import init_genome

    bench = bench_of(request)
    path = _new_file(bench, bench.folder.path, text_in(sent, "name", 80))
    seed = text_in(sent, "seed", 20).strip() or "0"
    if not seed.isdecimal():
        raise LithoError(f"a world has a number, not {seed!r}")
    init_genome(path, world=int(seed))
    return _opened(bench, path)


def _new_file(bench: Bench, folder: Path, name: str) -> Path:
    """Where a new genome of that name is written. Raises LithoError if it cannot be."""
    plain = name.strip().removesuffix(".yaml")
    if not plain or not all(c.isalnum() or c in "-_." for c in plain) or plain.startswith("."):
        raise LithoError(f"{name!r} is no name for a file: use letters, digits, - and _")
    path = bench.folder.inside(str((folder / f"{plain}.yaml").relative_to(bench.folder.path)))
    check_new(path)
    return path


def _opened(bench: Bench, path: Path) -> RedirectResponse:
    from urllib.parse import quote

    name = quote(str(path.relative_to(bench.folder.path)))
    return RedirectResponse(f"/school/genome?path={name}", 303)


@router.get("/school/genome")
def genome(request: Request, path: str) -> Response:
    """A genome as a picture that can be rearranged."""
    from litho.jobs.evolve.config import EvolveConfig

    bench = bench_of(request)
    read = read_genome(bench.folder, path, models_of(bench, bench.folder.runs()))
    return page(
        request,
        "genome.html.j2",
        title=read.id,
        path=path,
        genome=read,
        hues=_hues(read),
        unread=_unread(read),
        name=_free_name(bench.folder.inside(path)),
        search=EvolveConfig(),
    )


def _free_name(path: Path) -> str:
    """Of a new genome beside one: the first `NAME-2`, `NAME-3`, … that there is not."""
    names = (f"{path.stem}-{number}" for number in count(2))
    return next(name for name in names if not path.with_name(f"{name}.yaml").exists())


def _hues(genome: "Genome") -> dict[str, int]:
    """A hue for each book, as even as they come."""
    return {name: 360 * k // len(genome.library) for k, name in enumerate(genome.library)}


def _unread(genome: "Genome") -> list[str]:
    """Books that no stage reads."""
    from litho.text.school.genome import read_of

    read = {read_of(each).book for stage in genome.stages for each in stage.books}
    return [name for name in genome.library if name not in read]


@router.post("/school/check")
def check(request: Request, sent: Annotated[Mapping[str, Any], Depends(json_of)]) -> Any:  # noqa: ANN401  JSON
    """What an order of stages and books means: faults, violations, what is trained again."""
    bench = bench_of(request)
    told, _ = _arranged(bench, text_in(sent, "path", 1000), sent.get("order"))
    return told.model_dump()


def _arranged(bench: Bench, name: str, order: object) -> tuple["Arranged", str]:
    from litho.jobs.genome.arranged import arranged

    path = bench.folder.inside(name)
    written = read_source(bench.folder, name)
    check_named(bench.folder, path, written, models_of(bench, bench.folder.runs()))
    return arranged(written, name, path.parent, _order(order))


def _order(sent: object) -> list["StageOrder"]:
    """Raises LithoError if what was sent is no order of stages."""
    from litho.jobs.genome.arranged import StageOrder

    try:
        if not isinstance(sent, list) or len(sent) > MOST_STAGES:
            raise TypeError
        order = [StageOrder(**each) for each in sent]
    except (TypeError, ValidationError):
        raise LithoError("this is no order of stages") from None
    if sum(len(stage.books) for stage in order) > MOST_BOOKS:
        raise LithoError(f"at most {MOST_BOOKS} readings can be rearranged here")
    return order


@router.post("/school/save")
def save(request: Request, sent: Annotated[Mapping[str, str], Depends(form_of)]) -> Response:
    """The genome in its new order, as a new file beside the old one."""
    bench = bench_of(request)
    name = text_in(sent, "path", 1000)
    try:
        order = json.loads(text_in(sent, "order"))
    except (ValueError, RecursionError):
        raise LithoError("this is no order of stages") from None
    told, written = _arranged(bench, name, order)
    if told.faults:
        raise LithoError(told.faults[0].said)
    path = _new_file(bench, bench.folder.inside(name).parent, text_in(sent, "name", 80))
    with whole_file(path) as half:
        half.write_text(written, encoding="utf-8")
    return _opened(bench, path)


@router.post("/school/cost")
def cost(request: Request, sent: Annotated[Mapping[str, Any], Depends(json_of)]) -> Any:  # noqa: ANN401  JSON
    """What a school will cost, what is free, and what is to be said before it begins."""
    bench = bench_of(request)
    spec = _spec(bench, text_in(sent, "path", 1000)).model_dump(mode="json")
    return expected(bench, "school", spec, sent)


@router.post("/school/start")
def start(
    request: Request, sent: Annotated[Mapping[str, str], Depends(form_of)]
) -> RedirectResponse:
    """Put a school among the jobs."""
    bench = bench_of(request)
    name = text_in(sent, "path", 1000)
    spec = _spec(bench, name)
    return begun(bench, "school", Path(name).stem, spec.model_dump(mode="json"))


def _spec(bench: Bench, name: str) -> "SchoolSpec":
    from litho.jobs.school.config import SchoolSpec

    path = bench.folder.inside(name)
    read_genome(bench.folder, name, models_of(bench, bench.folder.runs()))
    return SchoolSpec(
        written=read_source(bench.folder, name),
        source=name,
        folder=str(path.parent),
        checkpoints=str(bench.folder.path / CHECKPOINTS),
    )


@router.post("/school/exam")
def exam(
    request: Request, sent: Annotated[Mapping[str, str], Depends(form_of)]
) -> RedirectResponse:
    """Put an exam of a model on a genome among the jobs."""
    from litho.jobs.exam.config import ExamSpec

    bench = bench_of(request)
    name = text_in(sent, "path", 1000)
    read_genome(bench.folder, name, models_of(bench, bench.folder.runs()))
    spec = ExamSpec(
        genome=read_source(bench.folder, name),
        genome_name=Path(name).name,
        folder=str(bench.folder.inside(name).parent),
        model=model_in(bench, sent),
    )
    return begun(bench, "exam", f"{Path(name).stem}-exam", spec.model_dump(mode="json"))
