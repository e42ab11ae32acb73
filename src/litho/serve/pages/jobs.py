"""A job while it works: how far it is, its curves, and what can be done with it."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response, StreamingResponse

from litho.core.errors import LithoError
from litho.serve.pages.base import Bench, bench_of, form_of, page
from litho.serve.queue import Job, Told
from litho.serve.run_files import printed
from litho.serve.worker import discard

router = APIRouter()
TICK = 0.5  # seconds between two looks into the store
DIGITS = 18  # of the number of an event, which has fewer


def _job(bench: Bench, number: int) -> Job:
    job = bench.queue.job(number)
    if job is None:
        raise HTTPException(404)
    return job


@router.get("/jobs/{number}")
def show(request: Request, number: int) -> Response:
    from litho.serve.live import school_at  # knows schools: the first page does not wait for it

    bench = bench_of(request)
    job = _job(bench, number)
    told = bench.queue.known(number)
    there = _finished(bench, job)
    before = [each for each in bench.queue.jobs("queued", "running") if each.id < number]
    return page(
        request,
        "job.html.j2",
        title=job.name,
        job=job,
        told=[_line(each) for each in told],
        school=school_at(bench.folder.inside(job.run)) if job.command == "school" else None,
        before=len(before),
        there=there is not None,
        result=printed(there) if there else None,
    )


def _finished(bench: Bench, job: Job) -> Path | None:
    """The run of a job that is done; None where it is gone by now."""
    if job.state != "done":
        return None
    try:
        return bench.folder.finished_run(job.run)
    except LithoError:
        return None


@router.get("/jobs/{number}/events")
def events(request: Request, number: int, after: int = 0) -> StreamingResponse:
    """What the job tells from now on, how its school goes, and its state, as server-sent events."""
    bench = bench_of(request)
    _job(bench, number)
    last = request.headers.get("last-event-id", "")[:DIGITS]
    number_of_last = int(last) if last.isdecimal() else max(0, after)
    return StreamingResponse(
        _events(request, bench, number, number_of_last), media_type="text/event-stream"
    )


async def _events(request: Request, bench: Bench, number: int, last: int) -> AsyncIterator[str]:
    from litho.serve.live import school_at, stamp_of

    said, stamp = "", 0
    while not await request.is_disconnected():
        for told in await run_in_threadpool(bench.queue.told, number, last):
            last = told.number
            yield f"id: {last}\ndata: {json.dumps(_line(told))}\n\n"
        job = await run_in_threadpool(bench.queue.job, number)
        if job and (new := stamp_of(bench.folder.path / job.run)) not in (0, stamp):
            stamp = new
            if school := await run_in_threadpool(school_at, bench.folder.path / job.run):
                yield f"event: school\ndata: {json.dumps(school)}\n\n"
        state = f"{job.state} {job.wanted}" if job else "gone"
        if state != said:
            said = state
            yield f"event: state\ndata: {json.dumps(state)}\n\n"
        if job is None or job.state not in ("queued", "running"):
            return
        await asyncio.sleep(TICK)


def _line(told: Told) -> dict[str, Any]:
    return {
        "number": told.number,
        "stage": told.stage,
        "done": told.done,
        "total": told.total,
        "shown": told.shown,
        "note": told.note,
    }


@router.post("/jobs/{number}/{what}")
def act(
    request: Request,
    number: int,
    what: str,
    sent: Annotated[Mapping[str, str], Depends(form_of)],
) -> RedirectResponse:
    """Pause a job, go on with it, or throw away what it has done."""
    bench = bench_of(request)
    job = _job(bench, number)
    match what:
        case "pause":
            bench.queue.pause(number)
        case "resume":
            bench.queue.go_on(number)
        case "cancel":
            bench.queue.cancel(number)
            if _job(bench, number).state == "cancelled":  # else its process does it
                discard(bench.folder.inside(job.run))
        case _:
            raise HTTPException(404)
    return RedirectResponse(f"/jobs/{number}", 303)
