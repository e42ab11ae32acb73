"""*Variants*: a text with the project's markup, highlighted and varied while it is written."""

from collections.abc import Mapping
from itertools import islice
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import RedirectResponse, Response

from litho.jobs.vary.config import VaryConfig, VarySpec
from litho.serve.pages.base import (
    begun,
    bench_of,
    form_of,
    json_of,
    model_in,
    models_of,
    page,
    text_in,
    words_of,
)
from litho.text import markup

router = APIRouter()
MOST_LIVE = 20_000  # characters that are highlighted while they are written
VERSIONS, COUNT = 4, 6  # versions by the marks alone, and variants, that are shown at once


@router.get("/variants")
def variants(request: Request) -> Response:
    bench = bench_of(request)
    return page(
        request,
        "variants.html.j2",
        title=words_of(request)("nav.variants"),
        models=models_of(bench, bench.folder.runs()),
    )


@router.post("/variants/markup")
def highlight(request: Request, sent: Annotated[Mapping[str, Any], Depends(json_of)]) -> Any:  # noqa: ANN401  JSON
    """Pieces of the source with what each is, where it is at fault, and what the marks alone make.

    A piece is its text, its class and its depth; together the pieces are the source.
    """
    source = text_in(sent, "source", MOST_LIVE)
    spans, fault = markup.highlighted(source)
    pieces: list[tuple[str, str, int]] = []
    at = 0
    for span in spans:
        outside = span.depth - (span.part == "open")
        pieces.append((source[at : span.start], "", outside))
        pieces.append((source[span.start : span.end], f"{span.part} {span.kind}", span.depth))
        at = span.end
    pieces.append((source[at:], "", 0))
    told: dict[str, Any] = {
        "pieces": [piece for piece in pieces if piece[0]],
        "fault": None,
        "versions": [],
    }
    if fault:
        line, column = fault.position or (1, 1)
        return told | {"fault": {"line": line, "column": column, "said": fault.fault}}
    document = markup.parse(source)
    if markup.has_marks(document):
        shown = islice(markup.expansions(document), VERSIONS)
        told["versions"] = [each.text for each in shown]
    return told | {"notices": markup.brackets_notice(source)}


@router.post("/variants/plan")
def plan(request: Request, sent: Annotated[Mapping[str, Any], Depends(json_of)]) -> Any:  # noqa: ANN401  JSON
    """Variants with how far each moves the model."""
    bench = bench_of(request)
    return bench.desk.ask(
        do="vary",
        source=text_in(sent, "source", MOST_LIVE),
        model=model_in(bench, sent),
        count=COUNT,
    )


@router.post("/variants/run")
def run(request: Request, sent: Annotated[Mapping[str, str], Depends(form_of)]) -> RedirectResponse:
    """All variants, the ladder and the layers as a run, with its report."""
    bench = bench_of(request)
    source = text_in(sent, "source").strip()
    markup.parse(source)
    name = text_in(sent, "name", 200).strip() or "text"
    spec = VarySpec(source=source, text_name=name, model=model_in(bench, sent), config=VaryConfig())
    return begun(bench, "vary", name, spec.model_dump(mode="json"), "-vary")
