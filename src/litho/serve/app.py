"""The pages as an application: guarded, with the jobs kept going while it lives."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.resources import files
from pathlib import Path

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, JSONResponse, RedirectResponse

from litho.core.errors import LithoError, first_line
from litho.serve.desk import Desk
from litho.serve.folder import Folder
from litho.serve.guard import HEADERS, MOST_BYTES, PROGRAMS, Guard, Keys, TooLarge, policy
from litho.serve.keeper import Keeper
from litho.serve.pages import (
    ask,
    completions,
    effects,
    evolution,
    jobs,
    opening,
    printing,
    reading,
    runs,
    school,
    trails,
    variants,
)
from litho.serve.pages.base import LANGUAGE, Bench, page, words_of
from litho.serve.queue import Queue
from litho.serve.words import LANGUAGES

_STATIC = Path(str(files("litho.serve") / "static"))


def make_app(folder: Path, keys: Keys, keep: bool = True) -> FastAPI:
    """The workbench of a folder. `keep`: start the jobs that wait while the application lives.

    Raises LithoError if the folder cannot be written to.
    """
    served = Folder(folder)
    queue, desk = Queue(served.path), Desk(served.path)
    keeper = Keeper(served.path, queue, desk.end_if_idle)

    @asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        if keep:
            keeper.start()
        yield
        if keep:
            keeper.stop()
        desk.end()

    app = FastAPI(openapi_url=None, lifespan=life)
    app.state.bench = Bench(served, queue, desk, keys)
    for each in (opening, reading, variants, printing, ask, trails, school, evolution):
        app.include_router(each.router)
    for each in (runs, effects, jobs, completions):
        app.include_router(each.router)
    app.add_api_route("/language", _language, methods=["GET"])
    app.add_api_route("/static/{name}", _static, methods=["GET"])
    app.add_exception_handler(LithoError, _told)
    app.add_exception_handler(HTTPException, _told)
    app.add_exception_handler(RequestValidationError, _told)
    app.add_exception_handler(Exception, _told)
    app.add_exception_handler(TooLarge, _too_large)
    app.add_middleware(Guard, keys=keys)
    return app


def _language(request: Request, to: str, back: str = "/") -> Response:
    """Another language for all pages, and back to the page from which it was asked for."""
    inner = back if back.startswith("/") and not back.startswith(("//", "/\\")) else "/"
    answer = RedirectResponse(inner, 303)
    if to in LANGUAGES:
        answer.set_cookie(LANGUAGE, to, samesite="strict", max_age=365 * 24 * 3600)
    return answer


def _static(name: str) -> Response:
    path = _STATIC / Path(name).name
    if path.suffix not in (".js", ".css", ".svg") or not path.is_file():
        raise HTTPException(404)
    return FileResponse(path, headers={"Cache-Control": "no-cache"})


def _told(request: Request, error: Exception) -> Response:
    """What is wrong; the guard does not see answers to what nobody expected."""
    answer = _answer(request, error)
    nonce: str = request.state.nonce
    answer.headers.update({**HEADERS, "Content-Security-Policy": policy(nonce)})
    return answer


def _answer(request: Request, error: Exception) -> Response:
    """What is wrong, as a page or, to a script, as JSON."""
    words = words_of(request)
    match error:
        case LithoError():
            status, said = 400, str(error)
        case HTTPException(status_code=status):
            said = words(f"error.{status if status in (401, 403, 404, 429) else 400}")
        case RequestValidationError():
            status, said = 400, words("error.400")
        case _:
            reason = f"{type(error).__name__}: {first_line(error)[:300]}"
            status, said = 500, words("error.500", reason=reason)
    if request.url.path.startswith(PROGRAMS):
        return JSONResponse(completions.told(said, status), status)
    if "x-csrf" in request.headers:
        return JSONResponse({"error": said}, status)
    return page(request, "error.html.j2", status=status, title=words("error.title"), said=said)


def _too_large(request: Request, _: Exception) -> Response:
    return JSONResponse({"error": f"too large: at most {MOST_BYTES // 1_000_000} MB"}, 413)
