"""*Effects*: the registry of what was ever judged, with its queries; tables of runs as matrices."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from litho.core.errors import LithoError
from litho.jobs.diff import registry
from litho.serve.matrix import matrix_of
from litho.serve.pages.base import bench_of, page, words_of

router = APIRouter()
MOST_ROWS = 500  # of findings that are shown


@router.get("/effects")
def effects(request: Request, q: str = "") -> Response:
    """What matches a query of `litho effects`, and how often each effect was found."""
    found: list[registry.Evidence] = []
    error = ""
    path = registry.registry_path()
    there = path.is_file()
    if there:
        try:
            found = registry.query(registry.opened(path), q[:1000])
        except LithoError as fault:
            error = str(fault)
    return page(
        request,
        "effects.html.j2",
        status=400 if error else 200,
        title=words_of(request)("effects.title"),
        q=q,
        found=found[:MOST_ROWS],
        count=len(found),
        tallies=registry.tally(found),
        there=there,
        error=error,
    )


@router.get("/matrix")
def matrix(request: Request, path: str, which: int = 0) -> Response:
    """What texts did, or would do, to probes."""
    run = bench_of(request).folder.finished_run(path)
    return page(
        request,
        "matrix.html.j2",
        title=words_of(request)("matrix.title"),
        path=path,
        matrix=matrix_of(run, which),
    )
