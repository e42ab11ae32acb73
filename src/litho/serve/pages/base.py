"""What all pages share: the template, the language, what a form or a script sent."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import psutil
from fastapi import Request
from jinja2 import Environment
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, RedirectResponse, Response

from litho.core.errors import LithoError
from litho.jobs import DEFAULT_MODEL
from litho.serve.desk import Desk
from litho.serve.folder import Folder, Summary
from litho.serve.guard import MOST_BYTES, SAFE, Keys
from litho.serve.queue import Queue
from litho.serve.words import LANGUAGES, Words, preferred
from litho.show.environment import templates_of

LANGUAGE = "litho-language"  # name of a cookie
TRIAL_MODEL = "tiny:llama"  # random, and quick: for those who want to see what happens
PRINTS = ("imprint", "unprint")  # commands whose runs hold an adapter that can be asked
_UNCLEAR = re.compile(r"[1-9]\d{0,2}(,\d{3})+")  # in English a whole number, in Russian none


@dataclass(frozen=True)
class Bench:
    """What the pages work with."""

    folder: Folder
    queue: Queue
    desk: Desk
    keys: Keys


def bench_of(request: Request) -> Bench:
    bench: Bench = request.app.state.bench
    return bench


def words_of(request: Request) -> Words:
    chosen = request.cookies.get(LANGUAGE)
    return Words(chosen or preferred(request.headers.get("accept-language", "")))


def page(request: Request, template: str, status: int = 200, **values: object) -> Response:
    """A page made of a template, which escapes whatever it is given.

    `here`: where it is shown again, in another language; what a form leads to has to say so.
    """
    words, keys = words_of(request), bench_of(request).keys
    shared = {
        "t": words,
        "languages": LANGUAGES,
        "here": _here(request),
        "nonce": request.state.nonce,
        "csrf": keys.csrf if keys.known(request.headers) else "",  # none to a stranger
        "script_words": words.beginning("js."),
    }
    content = _environment().get_template(template).render(shared | values)
    return HTMLResponse(content, status)


def _here(request: Request) -> str:
    if request.method not in SAFE:
        return "/"
    return request.url.path + (f"?{query}" if (query := request.url.query) else "")


@cache
def _environment() -> Environment:
    environment = templates_of("litho.serve")
    environment.filters["number"] = _number
    return environment


def _number(value: float | None, form: str = "%.2f") -> str:
    return "–" if value is None else form % value


async def form_of(request: Request) -> Mapping[str, str]:
    """The fields of a form of one of our pages."""
    if not request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        raise HTTPException(400)
    form = await request.form(max_part_size=MOST_BYTES)
    fields = {key: value for key, value in form.items() if isinstance(value, str)}
    if not bench_of(request).keys.is_ours(fields.get("csrf", "")):
        raise HTTPException(403)
    return fields


async def json_of(request: Request) -> Mapping[str, Any]:
    """What a script of one of our pages sent."""
    if not bench_of(request).keys.is_ours(request.headers.get("x-csrf", "")):
        raise HTTPException(403)
    if not request.headers.get("content-type", "").startswith("application/json"):
        raise HTTPException(400)
    try:
        sent = json.loads(await request.body())
    except (ValueError, RecursionError):
        raise HTTPException(400) from None
    if not isinstance(sent, dict):
        raise HTTPException(400)
    return sent


def text_in(values: Mapping[str, Any], name: str, most: int = 1_000_000) -> str:
    """A text that was sent, empty if it was not. Raises LithoError if it is none, or too long."""
    text = values.get(name, "")
    if not isinstance(text, str):
        raise LithoError(f"{name} is no text")
    if len(text) > most:
        raise LithoError(f"{name} is too long: at most {most} characters")
    return text.replace("\r\n", "\n")


def number_in(sent: Mapping[str, Any], key: str) -> Any:  # noqa: ANN401  the settings check its type
    """A number that was typed; None where the field was left empty."""
    typed = text_in(sent, key, 30).strip()
    if not typed:
        return None
    if _UNCLEAR.fullmatch(typed):
        whole, parts = typed.replace(",", ""), typed.replace(",", ".", 1)
        raise LithoError(f"{key} could be two numbers: write {whole} or {parts}, not {typed}")
    try:
        return int(typed)
    except ValueError:
        pass
    try:
        value = float(typed.replace(",", "."))
    except ValueError:
        raise LithoError(f"{key} is no number: {typed!r}") from None
    return int(value) if value.is_integer() else value


def begun(
    bench: Bench, command: str, name: str, spec: dict[str, Any], ending: str = ""
) -> RedirectResponse:
    """Put a job into the queue, with a run of its own, and lead to its page.

    `ending`: of the name of the run, behind that of the job.
    """
    run = bench.folder.new_run(name + ending, {job.run for job in bench.queue.jobs()})
    job = bench.queue.add(command, name, run, spec)
    return RedirectResponse(f"/jobs/{job.id}", 303)


def expected(
    bench: Bench, command: str, spec: dict[str, Any], sent: Mapping[str, Any]
) -> dict[str, Any]:
    """What a job will cost, what is free, and what is to be said before it begins.

    Of estimates for the `page` that was sent the latest is made.
    """
    page = text_in(sent, "page", 100)
    told = bench.desk.ask(do="expect", page=page, command=command, spec=spec)
    return {**told, "free_gib": psutil.virtual_memory().available / 2**30}


def models_of(bench: Bench, runs: list[Summary]) -> list[str]:
    """Models that may be chosen: the bundled one, those of the folder and of its runs."""
    named = sorted({run.model for run in runs if run.model and not _is_path(bench, run.model)})
    own = [*bench.folder.models(), *school_models(bench, runs)]
    return list(dict.fromkeys([DEFAULT_MODEL, *own, *named, TRIAL_MODEL]))


def school_models(bench: Bench, runs: list[Summary]) -> list[str]:
    """Models that schools of the folder have trained."""
    trained = (f"{run.path}/model" for run in runs if run.finished and run.command == "school")
    return [f"./{path}" for path in trained if (bench.folder.path / path / "config.json").is_file()]


def _is_path(bench: Bench, model: str) -> bool:
    """Whether a model that a run names is a folder: one that lies elsewhere is not for a page."""
    return model.startswith((".", "/", "~")) or (bench.folder.path / model).exists()


def model_in(bench: Bench, values: Mapping[str, Any]) -> str:
    """The model that was chosen. Raises LithoError if it is none of those that may be."""
    model = text_in(values, "model", 1000) or DEFAULT_MODEL
    if model not in models_of(bench, bench.folder.runs()):
        raise LithoError(f"the model {model} is none of those that this page offers")
    return model


def printed_runs(runs: list[Summary]) -> list[Summary]:
    """Runs whose adapter can be read with and asked."""
    return [run for run in runs if run.finished and run.adapter and run.command in PRINTS]
