"""What other programs talk to: models and printed pages behind the interface of OpenAI.

They bring the token of the printed link as a bearer token; nothing else here needs it.
"""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from uuid import uuid4

from fastapi import APIRouter, Request
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response, StreamingResponse

from litho.core.errors import LithoError
from litho.serve.pages.base import Bench, bench_of, models_of, printed_runs
from litho.text.streams import until

router = APIRouter(prefix="/v1")
TOKENS, MOST_TOKENS = 256, 4096  # of an answer: unless it is said, and at most
MOST_MESSAGES, MOST_CHARACTERS = 500, 1_000_000
MOST_STOPS = 4
ROLES = ("system", "developer", "user", "assistant")
# What is asked for and cannot be had is refused; what has no meaning for greedy answers is not.
REFUSED = ("tools", "functions", "logprobs", "response_format")


@router.get("/models")
def models(request: Request) -> Response:
    """Printed pages by their runs, and the models themselves."""
    bench = bench_of(request)
    runs = bench.folder.runs()
    named = {run.path: int(run.changed) for run in printed_runs(runs)}
    named |= dict.fromkeys(models_of(bench, runs), 0)
    data = [
        {"id": name, "object": "model", "created": made, "owned_by": "litho"}
        for name, made in named.items()
    ]
    return JSONResponse({"object": "list", "data": data})


@router.post("/chat/completions")
async def completions(request: Request) -> Response:
    """An answer, whole or in pieces as server-sent events."""
    from starlette.concurrency import run_in_threadpool

    if not request.headers.get("content-type", "").startswith("application/json"):
        raise HTTPException(400)
    try:
        sent = json.loads(await request.body())
    except (ValueError, RecursionError):
        raise LithoError("the request is no JSON") from None
    if not isinstance(sent, dict):
        raise LithoError("the request is no JSON object")
    return await run_in_threadpool(_completion, bench_of(request), sent)


def _completion(bench: Bench, sent: Mapping[str, Any]) -> Response:
    name, question, stops = _question(bench, sent)
    head = {
        "id": f"chatcmpl-{uuid4().hex}",
        "created": int(time.time()),
        "model": name,
    }
    lines = bench.desk.listen(do="chat", **question)
    if sent.get("stream"):
        asked = sent.get("stream_options")
        usage = isinstance(asked, dict) and bool(asked.get("include_usage"))
        return StreamingResponse(_events(head, lines, stops, usage), media_type="text/event-stream")
    *_, end = lines
    content, stopped = end["content"], False
    for stop in stops:
        content, found, _ = content.partition(stop)
        stopped |= bool(found)
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": content},
        "finish_reason": "stop" if stopped or end["whole"] else "length",
        "logprobs": None,
    }
    return JSONResponse(
        {**head, "object": "chat.completion", "choices": [choice], "usage": _usage(end)}
    )


def _events(
    head: Mapping[str, Any], lines: Iterator[dict[str, Any]], stops: Sequence[str], usage: bool
) -> Iterator[str]:
    """Pieces of an answer; nothing after a stop, though the model is heard out."""

    def event(delta: Mapping[str, str], finish: str | None = None) -> str:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        said = {**head, "object": "chat.completion.chunk", "choices": [choice]}
        return f"data: {json.dumps(said)}\n\n"

    yield event({"role": "assistant", "content": ""})
    end: dict[str, Any] = {}

    def pieces() -> Iterator[str]:
        for line in lines:
            if "piece" in line:
                yield line["piece"]
            else:
                end.update(line)

    stopped = False
    try:
        for piece, ended in until(pieces(), stops):
            stopped |= ended
            if piece:
                yield event({"content": piece})
        yield event({}, "stop" if stopped or end.get("whole") else "length")
        if usage:
            said = {**head, "object": "chat.completion.chunk", "choices": [], "usage": _usage(end)}
            yield f"data: {json.dumps(said)}\n\n"
    except LithoError as error:
        yield f"data: {json.dumps(told(str(error), 400))}\n\n"
    yield "data: [DONE]\n\n"


def _usage(end: Mapping[str, Any]) -> dict[str, int]:
    asked, said = end["prompt_tokens"], end["completion_tokens"]
    return {"prompt_tokens": asked, "completion_tokens": said, "total_tokens": asked + said}


def told(said: str, status: int) -> dict[str, Any]:
    """An error as the interface has it."""
    kind = "invalid_request_error" if status < 500 else "server_error"
    return {"error": {"message": said, "type": kind, "param": None, "code": None}}


def _question(bench: Bench, sent: Mapping[str, Any]) -> tuple[str, dict[str, Any], tuple[str, ...]]:
    """Name of the model, what the desk is asked, stops. Raises LithoError on what is wrong."""
    if sent.get("n") not in (None, 1):
        raise LithoError("n: one answer at a time")
    for name in REFUSED:
        if sent.get(name):
            raise LithoError(f"{name}: this server does not know it: leave it out")
    name = str(sent.get("model"))
    runs = bench.folder.runs()
    printed = {run.path: run for run in printed_runs(runs)}
    if name in printed:
        model, adapter = printed[name].model, str(bench.folder.adapter(name))
        if model not in models_of(bench, runs):
            raise LithoError(f"the model {model} of the run {name} is none of this folder")
    elif name in models_of(bench, runs):
        model, adapter = name, ""
    else:
        raise LithoError(f"there is no model {name!r:.100}: /v1/models lists those that there are")
    question = {
        "model": model,
        "adapter": adapter or None,
        "messages": _messages(sent.get("messages")),
        "tokens": _tokens(sent),
    }
    return name, question, _stops(sent.get("stop"))


def _tokens(sent: Mapping[str, Any]) -> int:
    for key in ("max_completion_tokens", "max_tokens"):
        value = sent.get(key)
        if value is not None:
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise LithoError(f"{key} is no number of tokens")
            return min(value, MOST_TOKENS)
    return TOKENS


def _stops(sent: object) -> tuple[str, ...]:
    stops = [sent] if isinstance(sent, str) else sent or []
    if not isinstance(stops, list) or len(stops) > MOST_STOPS:
        raise LithoError(f"stop: at most {MOST_STOPS} texts")
    if not all(isinstance(stop, str) and stop for stop in stops):
        raise LithoError("stop: texts that are not empty")
    return tuple(stops)


def _messages(sent: object) -> list[dict[str, str]]:
    if not isinstance(sent, list) or not 0 < len(sent) <= MOST_MESSAGES:
        raise LithoError(f"messages: a list of 1 to {MOST_MESSAGES}")
    found = []
    for message in sent:
        role = message.get("role") if isinstance(message, dict) else None
        if role not in ROLES:
            raise LithoError(f"messages: each has a role, one of {', '.join(ROLES)}")
        content = _content(message.get("content"))
        found.append({"role": "system" if role == "developer" else role, "content": content})
    if sum(len(message["content"]) for message in found) > MOST_CHARACTERS:
        raise LithoError(f"messages: at most {MOST_CHARACTERS} characters")
    return found


def _content(sent: object) -> str:
    """Text, or a list of parts that are text."""
    if isinstance(sent, str):
        return sent
    if isinstance(sent, list):
        parts = [part.get("text") for part in sent if isinstance(part, dict)]
        if len(parts) == len(sent) and all(isinstance(part, str) for part in parts):
            return "".join(map(str, parts))
    raise LithoError("messages: content is text, or parts that are text")
