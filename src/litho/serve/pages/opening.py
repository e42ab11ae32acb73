"""Where the printed link leads, and where the password is asked for if there is one."""

import threading
import time
from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from litho.serve.guard import OPEN
from litho.serve.pages.base import bench_of, page, words_of

router = APIRouter()
GUESS_S = 1.0  # from one wrong password to the next
_guessing = threading.Lock()


@router.get(OPEN)
def opened(request: Request, token: str = "") -> Response:
    """The token becomes a cookie and leaves the address."""
    keys = bench_of(request).keys
    if keys.password and not token:
        return _asked(request)
    if not keys.opens(token):
        raise HTTPException(401)
    return _let_in(request)


@router.post(OPEN)
def password(request: Request, given: Annotated[str, Form(alias="password")] = "") -> Response:
    """The password becomes a cookie; one guess at a time, each takes a while."""
    if not _guessing.acquire(blocking=False):  # those that wait would keep pages waiting, too
        raise HTTPException(429)
    try:
        if bench_of(request).keys.knows(given):
            return _let_in(request)
        time.sleep(GUESS_S)
    finally:
        _guessing.release()
    return _asked(request, wrong=True)


def _asked(request: Request, wrong: bool = False) -> Response:
    title = words_of(request)("open.title")
    return page(request, "open.html.j2", status=401, title=title, wrong=wrong, here=OPEN)


def _let_in(request: Request) -> Response:
    keys = bench_of(request).keys
    answer = RedirectResponse("/", 303)
    answer.set_cookie(
        keys.cookie, keys.session, httponly=True, samesite="strict", secure=keys.secure
    )
    return answer
