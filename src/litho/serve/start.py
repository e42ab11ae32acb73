"""The server: an address, a link with a key, and one server a folder."""

import os
import socket
import webbrowser
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import uvicorn
from filelock import FileLock, Timeout

from litho.core.errors import LithoError
from litho.serve.address import Address
from litho.serve.app import make_app
from litho.serve.guard import Keys
from litho.serve.queue import FOLDER


def serve(
    folder: Path,
    port: int,
    browser: bool,
    say: Callable[[str], object],
    address: Address | None = None,
) -> None:
    """Serve the workbench of a folder until it is told to stop.

    `port`: 0 for any that is free. `say` is given the link. `address`: none for this machine alone.
    Raises LithoError if the folder cannot be written to or is served already, or the port is taken.
    """
    folder, address = folder.resolve(), address or Address()
    try:
        (folder / FOLDER).mkdir(exist_ok=True)
    except OSError as error:
        raise LithoError(
            f"the folder {folder} cannot be written to ({error.strerror}): start in another one"
        ) from None
    alone = FileLock(folder / FOLDER / "serve.lock")
    try:
        alone.acquire(timeout=0)
    except Timeout:
        raise LithoError(
            f"{folder} is served already: open the link that was printed there, or stop that server"
        ) from None
    with alone, _bound(address.host, port) as listening:
        bound = listening.getsockname()[1]
        keys = Keys(bound, address.named, address.secure, address.password)
        config = uvicorn.Config(
            make_app(folder, keys),
            # Addresses hold names, and errors words, of what the user reads and writes.
            access_log=False,
            log_level="error" if os.environ.get("LITHO_DEBUG") else "critical",
            server_header=False,
            timeout_graceful_shutdown=1,
            lifespan="on",
            ssl_certfile=address.certificate,
            ssl_keyfile=address.key,
        )
        say(f"the workbench of {folder} is at\n\n    {keys.link}\n\nCtrl-C stops it; jobs go on")
        if browser:
            webbrowser.open(keys.link)
        with suppress(KeyboardInterrupt):  # of Ctrl-C, once everything has been closed
            uvicorn.Server(config).run([listening])


def _bound(host: str, port: int) -> socket.socket:
    try:
        family, kind, _, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listening = socket.socket(family, kind)
    except OSError as error:
        raise LithoError(f"there is no address {host} ({error.strerror})") from None
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind(place)
        listening.listen()  # whoever follows the link at once waits instead of being refused
    except OSError as error:
        listening.close()
        raise LithoError(
            f"the port {port} of {host} cannot be used ({error.strerror}): choose another with "
            "--port, or 0 for any that is free"
        ) from None
    return listening
