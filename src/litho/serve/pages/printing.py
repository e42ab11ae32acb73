"""*Print*: a page, questions about it, a budget; what it will cost; and the job that does it."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from litho.core.config import make_config
from litho.core.errors import LithoError
from litho.jobs.imprint.config import ImprintConfig, ImprintSpec
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
from litho.text.items import Probe, read_probe_lines

router = APIRouter()
KINDS = ("gen", "mem", "hard", "chat", "neighbour")


@router.get("/print")
def empty_form(request: Request) -> Response:
    return _form(request, {})


@router.post("/print/text")
def filled_form(request: Request, sent: Annotated[Mapping[str, str], Depends(form_of)]) -> Response:
    """The form with a text that was read before."""
    return _form(request, sent)


def _form(request: Request, given: Mapping[str, str], error: str = "") -> Response:
    bench = bench_of(request)
    return page(
        request,
        "print.html.j2",
        status=400 if error else 200,
        title=words_of(request)("nav.print"),
        here="/print",
        models=models_of(bench, bench.folder.runs()),
        kinds=KINDS,
        defaults=ImprintConfig(),
        given={
            "text": "",
            "name": "",
            "model": "",
            "probes": "",
            "controls": "duplicates",
            **given,
        },
        error=error,
    )


@router.post("/print")
def start(request: Request, sent: Annotated[Mapping[str, str], Depends(form_of)]) -> Response:
    """Put the print among the jobs; what is wrong is said above the form, which is kept."""
    bench = bench_of(request)
    try:
        spec = _spec(bench, sent)
        return begun(bench, "imprint", spec.pages[0].name, spec.model_dump(mode="json"))
    except LithoError as error:
        return _form(request, sent, str(error))


@router.post("/print/cost")
def cost(request: Request, sent: Annotated[Mapping[str, Any], Depends(json_of)]) -> Any:  # noqa: ANN401  JSON
    """What the job will cost, what is free, and what is to be said before it begins."""
    bench = bench_of(request)
    return expected(bench, "imprint", _spec(bench, sent).model_dump(mode="json"), sent)


@router.post("/print/probes")
def probes(request: Request, sent: Annotated[Mapping[str, Any], Depends(json_of)]) -> Any:  # noqa: ANN401  JSON
    """The questions of a JSONL file, checked."""
    read = read_probe_lines(text_in(sent, "lines"), text_in(sent, "name", 200) or "the file")
    return [probe.model_dump() for probe in read]


def _spec(bench: Bench, sent: Mapping[str, Any]) -> ImprintSpec:
    from litho.api.printing import imprint_spec  # knows all commands: the first page does not wait

    text = text_in(sent, "text")
    name = text_in(sent, "name", 200).strip() or _first_words(text)
    lines = text_in(sent, "probes")
    asked: list[Probe] | None = read_probe_lines(lines, "the questions") if lines.strip() else None
    settings = {key: number_in(sent, key) for key in ("budget", "presentations", "seed")}
    given = {key: value for key, value in settings.items() if value is not None}
    given["controls"] = text_in(sent, "controls", 20) or "duplicates"
    spec = imprint_spec(
        text, model_in(bench, sent), probes=asked, config=make_config(ImprintConfig, given)
    )
    return spec.model_copy(update={"pages": (spec.pages[0].model_copy(update={"name": name}),)})


def _first_words(text: str) -> str:
    words = text.strip().lstrip("# ").split()
    return " ".join(words[:4])[:40] or "text"
