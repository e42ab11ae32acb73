"""Evolutions of a genome: their cost, their jobs, and the family tree of one that is over."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import RedirectResponse, Response

from litho.core.config import make_config
from litho.core.errors import LithoError
from litho.serve.family import evolution_at, family_of
from litho.serve.pages.base import (
    Bench,
    begun,
    bench_of,
    expected,
    form_of,
    json_of,
    models_of,
    number_in,
    page,
    text_in,
    words_of,
)
from litho.serve.sources import read_genome, read_source

if TYPE_CHECKING:
    from litho.jobs.evolve.config import EvolveSpec

router = APIRouter()


@router.post("/school/evolve/cost")
def cost(request: Request, sent: Annotated[Mapping[str, Any], Depends(json_of)]) -> Any:  # noqa: ANN401  JSON
    """How many schools an evolution is, and what they will cost."""
    bench = bench_of(request)
    spec = _spec(bench, sent)
    told = expected(bench, "evolve", spec.model_dump(mode="json"), sent)
    return {**told, "schools": spec.config.schools}


@router.post("/school/evolve")
def start(
    request: Request, sent: Annotated[Mapping[str, str], Depends(form_of)]
) -> RedirectResponse:
    """Put an evolution among the jobs."""
    bench = bench_of(request)
    spec = _spec(bench, sent)
    name = f"{Path(spec.source).stem}-evolution"
    return begun(bench, "evolve", name, spec.model_dump(mode="json"))


def _spec(bench: Bench, sent: Mapping[str, Any]) -> "EvolveSpec":
    from litho.jobs.evolve.config import EvolveConfig, EvolveSpec

    name = text_in(sent, "path", 1000)
    read_genome(bench.folder, name, models_of(bench, bench.folder.runs()))
    typed = {key: number_in(sent, key) for key in ("generations", "size", "fresh", "seed")}
    given = {key: value for key, value in typed.items() if value is not None}
    if rungs := text_in(sent, "rungs", 100).strip():
        given["rungs"] = _rungs(rungs)
    given["random_search"] = text_in(sent, "search", 10) != "one"
    return EvolveSpec(
        written=read_source(bench.folder, name),
        source=name,
        folder=str(bench.folder.inside(name).parent),
        config=make_config(EvolveConfig, given),
    )


def _rungs(typed: str) -> list[int]:
    try:
        return [int(each) for each in typed.replace(",", " ").split()]
    except ValueError:
        raise LithoError(f"rungs are numbers of seeds, such as 1, 3, 9, not {typed!r}") from None


@router.get("/school/family")
def family(request: Request, path: str) -> Response:
    """The family tree of an evolution."""
    found = evolution_at(bench_of(request).folder.finished_run(path))
    return page(
        request,
        "family.html.j2",
        title=words_of(request)("family.title"),
        path=path,
        found=found,
        family=family_of(found.family),
    )
