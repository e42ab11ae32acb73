"""*Ask*: one question to the model before and after, with the text open, and with retrieval."""

import json
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response, StreamingResponse

from litho.core.errors import LithoError
from litho.jobs.ask.result import VOICES
from litho.serve.pages.base import bench_of, json_of, page, printed_runs, text_in, words_of

router = APIRouter()
MOST_TOKENS = 400  # of an answer


@router.get("/ask")
def form(request: Request, run: str = "") -> Response:
    return page(
        request,
        "ask.html.j2",
        title=words_of(request)("nav.ask"),
        printed=printed_runs(bench_of(request).folder.runs()),
        chosen=run,
        voices=VOICES,
    )


@router.post("/ask/answers")
def answers(request: Request, sent: Annotated[Mapping[str, Any], Depends(json_of)]) -> Response:
    """Pieces of the answers as they come, one JSON object a line; the last holds them whole."""
    bench = bench_of(request)
    run = bench.folder.finished_run(text_in(sent, "run", 1000))
    chosen = sent.get("voices")
    voices = [voice for voice in VOICES if isinstance(chosen, list) and voice in chosen]
    if not voices:
        raise LithoError("choose at least one who answers")
    tokens = sent.get("tokens", 80)
    if not isinstance(tokens, int) or not 1 <= tokens <= MOST_TOKENS:
        raise LithoError(f"an answer may have 1 to {MOST_TOKENS} tokens")
    lines = bench.desk.listen(
        do="ask",
        run=str(run),
        question=text_in(sent, "question", 10_000),
        voices=voices,
        tokens=tokens,
        talk=text_in(sent, "talk", 100),
    )
    return StreamingResponse(_told(lines), media_type="application/x-ndjson")


def _told(lines: Iterator[dict[str, Any]]) -> Iterator[str]:
    try:
        for line in lines:
            yield json.dumps(line) + "\n"
    except LithoError as error:
        yield json.dumps({"error": str(error)}) + "\n"
