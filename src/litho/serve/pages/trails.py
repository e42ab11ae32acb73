"""*Trails*: libraries of forms of reasoning, printed into a model, and what came of it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, get_args
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from litho.core.config import make_config
from litho.core.errors import LithoError
from litho.jobs.trails.config import Channels, PrintConfig, PrintSpec
from litho.jobs.trails.result import CaptureResult, PrintResult
from litho.serve.pages.base import (
    Bench,
    begun,
    bench_of,
    expected,
    form_of,
    json_of,
    model_in,
    models_of,
    number_in,
    page,
    text_in,
    words_of,
)
from litho.serve.run_files import manifest_of, metrics_of
from litho.serve.sources import SHIPPED, libraries_of, read_source
from litho.text.trails.library import Library, parse_library, starter

router = APIRouter()
RUNS = ("trails print", "trails test", "trails graph")
SETTINGS = ("budget", "presentations", "seed")
FIELDS = ("library", "model", "channels", "control", *SETTINGS)


@router.get("/trails")
def trails(request: Request) -> Response:
    return _page(request, request.query_params)


def _page(request: Request, given: Mapping[str, str], error: str = "") -> Response:
    bench = bench_of(request)
    runs = bench.folder.runs()
    kept = {key: given[key] for key in FIELDS if key in given}
    try:
        read = _library(bench, given)
    except LithoError as fault:
        error, read = error or str(fault), parse_library(starter(), SHIPPED)
    return page(
        request,
        "trails.html.j2",
        status=400 if error else 200,
        title=words_of(request)("nav.trails"),
        libraries=[SHIPPED, *libraries_of(bench.folder)],
        library=read,
        models=models_of(bench, runs),
        channels=get_args(Channels),
        defaults=PrintConfig(),
        given={"library": "", "model": "", "channels": "", "control": "", **kept},
        here=f"/trails?{urlencode(kept)}",
        runs=[run for run in runs if run.command in RUNS],
        error=error,
    )


def _library(bench: Bench, given: Mapping[str, Any]) -> Library:
    """The library that was chosen. Raises LithoError if it is at fault, or lies elsewhere."""
    name = text_in(given, "library", 1000)
    if name in ("", SHIPPED):
        return parse_library(starter(), SHIPPED)
    return parse_library(read_source(bench.folder, name), name)


@router.post("/trails/cost")
def cost(request: Request, sent: Annotated[Mapping[str, Any], Depends(json_of)]) -> Any:  # noqa: ANN401  JSON
    """What a print will cost, what is free, and what is to be said before it begins."""
    bench = bench_of(request)
    return expected(bench, "trails print", _spec(bench, sent).model_dump(mode="json"), sent)


@router.post("/trails")
def start(request: Request, sent: Annotated[Mapping[str, str], Depends(form_of)]) -> Response:
    """Put a print of trails among the jobs; what is wrong is said above the form."""
    bench = bench_of(request)
    try:
        spec = _spec(bench, sent)
        name = f"trails-{Path(spec.library_name).stem}"
        return begun(bench, "trails print", name, spec.model_dump(mode="json"))
    except LithoError as error:
        return _page(request, sent, str(error))


def _spec(bench: Bench, sent: Mapping[str, Any]) -> PrintSpec:
    library = _library(bench, sent)
    given = {key: value for key in SETTINGS if (value := number_in(sent, key)) is not None}
    for key in ("channels", "control"):
        if said := text_in(sent, key, 20):
            given[key] = said
    return PrintSpec(
        library=library,
        library_name=text_in(sent, "library", 1000) or SHIPPED,
        alone=len(library.forms) == 1,
        model=model_in(bench, sent),
        config=make_config(PrintConfig, given),
    )


@router.get("/trails/map")
def trail_map(request: Request, path: str) -> Response:
    """How alike the forms flow through the heads, and how far each is followed."""
    run = bench_of(request).folder.finished_run(path)
    kind = {"trails print": PrintResult, "trails test": CaptureResult}
    command = str(manifest_of(run).get("command"))
    try:
        found = kind[command](**metrics_of(run))
    except (KeyError, TypeError, ValueError):
        raise LithoError(f"{path} is no finished run of 'litho trails print' or 'test'") from None
    return page(
        request, "trail_map.html.j2", title=words_of(request)("map.title"), path=path, found=found
    )
