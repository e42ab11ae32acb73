"""*Read*: how a model reads a text, while it is written."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import RedirectResponse, Response

from litho.jobs.map.config import MapSpec
from litho.serve.pages.base import (
    begun,
    bench_of,
    form_of,
    json_of,
    model_in,
    models_of,
    page,
    printed_runs,
    text_in,
    words_of,
)
from litho.show.tokens import BOTH, NOW, tokens_of

router = APIRouter()
MOST_LIVE = 20_000  # characters of a text that is read while it is written


@router.get("/")
def read(request: Request, adapter: str = "") -> Response:
    bench = bench_of(request)
    runs = bench.folder.runs()
    printed = printed_runs(runs)
    model = next((run.model for run in printed if run.path == adapter), "")
    return page(
        request,
        "read.html.j2",
        title=words_of(request)("nav.read"),
        models=models_of(bench, runs),
        printed=printed,
        chosen_model=model,
        chosen_adapter=adapter,
    )


@router.post("/read/tokens")
def tokens(request: Request, sent: Annotated[Mapping[str, Any], Depends(json_of)]) -> Any:  # noqa: ANN401  JSON
    """A text as the model reads it, with the columns of a report's tokens."""
    bench = bench_of(request)
    adapter = text_in(sent, "adapter", 1000)
    folder = bench.folder.adapter(adapter) if adapter else None
    read = bench.desk.ask(
        do="read",
        text=text_in(sent, "text")[:MOST_LIVE],
        model=model_in(bench, sent),
        adapter=str(folder) if folder else None,
    )
    columns = tokens_of(read["rows"], BOTH if folder else NOW)
    return {**columns, "left": read["left"], "notices": read["notices"]}


@router.post("/read/map")
def whole_map(
    request: Request, sent: Annotated[Mapping[str, str], Depends(form_of)]
) -> RedirectResponse:
    """The whole map as a run, with its report."""
    from litho.api.arguments import text_to_read

    bench = bench_of(request)
    text, _ = text_to_read(text_in(sent, "text"), marks=False)
    adapter = text_in(sent, "adapter", 1000)
    folder = bench.folder.adapter(adapter) if adapter else None
    name = text_in(sent, "name", 200).strip() or "text"
    spec = MapSpec(
        text=text,
        text_name=name,
        model=model_in(bench, sent),
        adapter=str(folder) if folder else None,
    )
    return begun(bench, "map", name, spec.model_dump(mode="json"), "-map")
