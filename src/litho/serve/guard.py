"""What stands between a request and the pages: only the browser of who has the key gets through.

Other web pages can send requests to programs on this machine, under names of their own, too (DNS
rebinding). So a request must name this server as its host, come from one of its own pages, and
bring the cookie that the printed link was exchanged for; one that changes something must also bring
what only a page of ours knows. Sizes are limited before anything is read.
"""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from html import escape
from http.cookies import CookieError, SimpleCookie

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from litho.serve.words import Words, preferred

MOST_BYTES = 14_000_000  # of a request: a form takes twelve for each of a million characters
OPEN = "/open"  # where the link leads, which brings the token, or the password is asked for
FREE = ("/static/",)  # nothing of the user's
PROGRAMS = "/v1/"  # other programs, which bring the token as a bearer token, and no cookie
SAFE = ("GET", "HEAD")
HEADERS = {
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


def _secret() -> str:
    return secrets.token_urlsafe(32)


@dataclass(frozen=True)
class Keys:
    """What only this server and its pages know, anew with every start."""

    port: int
    host: str = ""  # the name or address by which others reach this server; none: this machine's
    secure: bool = False  # TLS
    password: str = field(default="", repr=False)  # that opens as the link does; none: it does not
    token: str = field(default_factory=_secret)  # in the link
    session: str = field(default_factory=_secret)  # in the cookie
    csrf: str = field(default_factory=_secret)  # in forms and headers of our pages

    @property
    def cookie(self) -> str:
        """Its name: browsers give cookies to all ports of a machine."""
        return f"litho-{self.port}"

    @property
    def hosts(self) -> tuple[str, ...]:
        names = [self.host] if self.host else ["127.0.0.1", "localhost"]
        plain = 443 if self.secure else 80  # which browsers leave out
        return tuple(
            name
            for host in names
            for name in ([host] if self.port == plain else []) + [f"{host}:{self.port}"]
        )

    @property
    def scheme(self) -> str:
        return "https" if self.secure else "http"

    @property
    def link(self) -> str:
        return f"{self.scheme}://{self.host or '127.0.0.1'}:{self.port}{OPEN}?token={self.token}"

    def opens(self, token: str) -> bool:
        return secrets.compare_digest(token.encode(), self.token.encode())

    def knows(self, password: str) -> bool:
        """Whether it is the password, if there is one."""
        right = secrets.compare_digest(password.encode(), self.password.encode())
        return bool(self.password) and right

    def bears(self, headers: Headers) -> bool:
        """Whether a program brings the token."""
        given = headers.getlist("authorization")
        scheme, _, token = given[0].partition(" ") if len(given) == 1 else ("", "", "")
        return scheme.lower() == "bearer" and self.opens(token.strip())

    def known(self, headers: Headers) -> bool:
        """Whether a request brings the cookie."""
        given = cookies(headers, self.cookie)
        return any(secrets.compare_digest(one.encode(), self.session.encode()) for one in given)

    def is_ours(self, csrf: str) -> bool:
        return secrets.compare_digest(csrf.encode(), self.csrf.encode())


class Guard:
    """Refuses what is not from a page of ours, and adds to every answer what pages may do."""

    def __init__(self, app: ASGIApp, keys: Keys) -> None:
        self._app, self._keys = app, keys

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return  # we have no websockets
        nonce = secrets.token_urlsafe(16)
        scope.setdefault("state", {})["nonce"] = nonce

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault("Content-Security-Policy", policy(nonce))
            await send(message)

        headers = Headers(scope=scope)
        refused = self._refusal(scope, headers)
        if refused:
            status, why = refused
            words = Words(preferred(headers.get("accept-language", "")))
            said = words(f"refused.{why}", megabytes=MOST_BYTES // 1_000_000)
            if scope["path"].startswith(PROGRAMS):
                response = _refused_program(status, said)
            elif "text/html" in headers.get("accept", ""):
                response = _refused_page(status, said, words, nonce)
            else:
                response = PlainTextResponse(said, status)
            await response(scope, receive, answer)
        else:
            await self._app(scope, _limited(receive), answer)

    def _refusal(self, scope: Scope, headers: Headers) -> tuple[int, str] | None:
        """Why a request is refused: status and name of a sentence; None if it is not."""
        keys, path = self._keys, scope["path"]
        if headers.getlist("host") not in [[host] for host in keys.hosts]:
            return 421, "host"
        origins = headers.getlist("origin")
        ours = [[f"{keys.scheme}://{host}"] for host in keys.hosts]
        program = path.startswith(PROGRAMS)
        unsaid = scope["method"] not in SAFE and not origins and not program
        if (origins and origins not in ours) or unsaid:
            return 403, "origin"
        if path != OPEN and headers.get("sec-fetch-site", "none") not in ("same-origin", "none"):
            return 403, "origin"
        if _length(headers) > MOST_BYTES:
            return 413, "size"
        if path == OPEN or path.startswith(FREE):
            return None
        if program:
            return None if keys.bears(headers) else (401, "bearer")
        if not keys.known(headers):
            return 401, "key"
        return None


def _refused_program(status: int, said: str) -> Response:
    error = {"message": said, "type": "invalid_request_error", "param": None, "code": None}
    return JSONResponse({"error": error}, status)


def _refused_page(status: int, said: str, words: Words, nonce: str) -> Response:
    """To a browser; with nothing on it that only those with the key may see."""
    title = escape(words("error.title"))
    return HTMLResponse(
        f'<!doctype html><html lang="{words.language}"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<title>{title} – Litho</title><link rel="stylesheet" href="/static/serve.css" '
        f'nonce="{nonce}"><main><h1>{title}</h1><p class="card bad-card">{escape(said)}</p></main>',
        status,
    )


def policy(nonce: str) -> str:
    """What a page of ours may do: run our scripts and talk to us."""
    return (
        "default-src 'none'; "
        f"script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; img-src 'self' data:; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )


def cookies(headers: Headers, name: str) -> Iterable[str]:
    """All values of a cookie: another port may have set one of the same name."""
    for header in headers.getlist("cookie"):
        for part in header.split(";"):
            try:
                yield from (m.value for key, m in SimpleCookie(part.strip()).items() if key == name)
            except CookieError:
                continue


def _length(headers: Headers) -> int:
    said = headers.get("content-length", "0")
    return int(said) if said.isdecimal() else MOST_BYTES + 1


class TooLarge(Exception):
    """A request went on beyond the limit without having said so."""


def _limited(receive: Receive) -> Receive:
    read = 0

    async def limited() -> Message:
        nonlocal read
        message = await receive()
        read += len(message.get("body", b""))
        if read > MOST_BYTES:
            raise TooLarge
        return message

    return limited
