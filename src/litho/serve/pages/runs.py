"""*Runs*: all runs of the folder, one run, two runs beside each other."""

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from litho.core.errors import LithoError
from litho.core.runs import METRICS, PARTIAL, RunDirectory
from litho.serve.compared import comparison
from litho.serve.folder import Summary
from litho.serve.pages.base import PRINTS, Bench, bench_of, form_of, page, text_in, words_of
from litho.serve.queue import OPEN
from litho.serve.run_files import inputs_of, manifest_of, metrics_of, printed, words_in

router = APIRouter()
AT_ONCE = 200  # runs on a page of the list
BEGINNING = 200  # letters of a report, among which it names its language


@router.get("/runs")
def all_runs(request: Request, q: str = "", command: str = "", start: int = 0) -> Response:
    bench = bench_of(request)
    runs = bench.folder.runs()
    found = [run for run in runs if _matches(run, q.lower(), command)]
    start = max(0, start)
    return page(
        request,
        "runs.html.j2",
        title=words_of(request)("nav.runs"),
        jobs=bench.queue.jobs(*OPEN),
        runs=found[start : start + AT_ONCE],
        count=len(found),
        there=len(runs),
        start=start,
        at_once=AT_ONCE,
        commands=sorted({run.command for run in runs if run.command}),
        q=q,
        command=command,
    )


def _matches(run: Summary, words: str, command: str) -> bool:
    said = f"{run.path} {run.name} {run.model} {run.verdict} {run.command}".lower()
    return all(word in said for word in words.split()) and command in ("", run.command)


@router.get("/run")
def one_run(request: Request, path: str) -> Response:
    bench = bench_of(request)
    folder = bench.folder.run(path)
    finished = folder == bench.folder.inside(path) and (folder / METRICS).is_file()
    try:
        manifest, _ = manifest_of(folder), metrics_of(folder)
        command = words_in(manifest, "command")
        text = _text_of(folder, command)
        result = printed(folder) if finished else None
    except LithoError as error:
        return _damaged(request, path, str(error))
    adapter = (folder / "adapter" / "adapter_config.json").is_file()
    return page(
        request,
        "run.html.j2",
        title=words_in(manifest, "text_name") or path,
        path=path,
        command=command,
        model=words_in(manifest.get("model"), "name"),
        result=result,
        finished=finished,
        adapter=adapter,
        asked=adapter and command in PRINTS,
        text=text,
        job=bench.queue.of_run(path),
        damage="",
    )


def _damaged(request: Request, path: str, damage: str) -> Response:
    """A run that cannot be read can be deleted all the same."""
    nothing: dict[str, Any]
    nothing = dict.fromkeys(("command", "model", "result", "finished", "adapter", "asked", "text"))
    job = bench_of(request).queue.of_run(path)
    return page(request, "run.html.j2", title=path, path=path, job=job, damage=damage, **nothing)


def _text_of(folder: Path, command: str) -> str:
    """The text that a run was about, or the first of them."""
    inputs = inputs_of(folder)
    pages = inputs.get("pages") if isinstance(inputs, dict) else None
    last = pages[-1] if isinstance(pages, list) and pages else inputs
    return words_in(last, "source" if command == "vary" else "text")


@router.get("/run/report")
def report(request: Request, path: str) -> Response:
    """The report, shut off from the other pages: it may be anyone's.

    It is made by this version, from the numbers of the run, where the file is of another one or in
    another language than the pages: only scripts of this version run.
    """
    from litho.show.page import script_hashes
    from litho.show.report import page_of

    folder = bench_of(request).folder.finished_run(path)
    run = RunDirectory.opened(folder)
    hashes = script_hashes()
    there = (folder / "report.html").is_file() and run.read_text("report.html")
    language = words_of(request).language
    if not there or hashes[0] not in there or f'<html lang="{language}">' not in there[:BEGINNING]:
        with run.damage_told():
            there = page_of(run, language)
    policy = (
        f"sandbox allow-scripts; default-src 'none'; script-src {' '.join(hashes)}; "
        "style-src 'unsafe-inline'; img-src data: blob:; frame-ancestors 'none'"
    )
    return HTMLResponse(there, headers={"Content-Security-Policy": policy})


@router.get("/run/adapter.zip")
def adapter(request: Request, path: str) -> Response:
    """The adapter as PEFT loads it, packed."""
    folder = bench_of(request).folder.adapter(path)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        for file in sorted(folder.glob("*")):
            if file.is_file() and not file.is_symlink():
                archive.write(file, f"adapter/{file.name}")
    headers = {"Content-Disposition": 'attachment; filename="adapter.zip"'}
    return Response(packed.getvalue(), media_type="application/zip", headers=headers)


@router.post("/run/resume")
def resume(
    request: Request, sent: Annotated[Mapping[str, str], Depends(form_of)]
) -> RedirectResponse:
    """Go on with a run that was interrupted, whoever began it."""
    bench = bench_of(request)
    path = _own(bench, sent)
    manifest = manifest_of(bench.folder.run(path))
    name = words_in(manifest, "text_name") or path
    job = bench.queue.add(words_in(manifest, "command"), name, path, None)
    return RedirectResponse(f"/jobs/{job.id}", 303)


@router.post("/run/delete")
def delete(
    request: Request, sent: Annotated[Mapping[str, str], Depends(form_of)]
) -> RedirectResponse:
    bench = bench_of(request)
    path = _own(bench, sent)
    job = bench.queue.of_run(path)
    if job and job.state in ("queued", "running"):
        raise LithoError("a job is at work on this run: throw the job away first")
    bench.folder.delete(path)
    if job:
        bench.queue.cancel(job.id)
    return RedirectResponse("/runs", 303)


def _own(bench: Bench, sent: Mapping[str, str]) -> str:
    """The run that was sent, by its name beneath the folder."""
    path = bench.folder.inside(text_in(sent, "path", 1000))
    return str(path.relative_to(bench.folder.path)).removesuffix(PARTIAL)


@router.get("/compare")
def compare(request: Request, run: str = "", other: str = "") -> Response:
    bench = bench_of(request)
    runs = [each for each in bench.folder.runs() if each.finished]
    both = (
        (bench.folder.finished_run(run), bench.folder.finished_run(other))
        if run and other
        else None
    )
    return page(
        request,
        "compare.html.j2",
        title=words_of(request)("compare.title"),
        runs=runs,
        run=run,
        other=other,
        compared=comparison(*both) if both else None,
    )
