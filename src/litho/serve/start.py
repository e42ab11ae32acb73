"""The server: a port of this machine, a link with a key, and one server a folder."""

import os
import socket
import webbrowser
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import uvicorn
from filelock import FileLock, Timeout

from litho.core.errors import LithoError
from litho.serve.app import make_app
from litho.serve.guard import Keys
from litho.serve.queue import FOLDER

HOST = "127.0.0.1"


def serve(folder: Path, port: int, browser: bool, say: Callable[[str], object]) -> None:
    """Serve the workbench of a folder until it is told to stop.

    `port`: 0 for any that is free. `say` is given the link. Raises LithoError if the folder cannot
    be written to or is served already, or the port is taken.
    """
    folder = folder.resolve()
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
    with alone, _bound(port) as listening:
        keys = Keys(listening.getsockname()[1])
        config = uvicorn.Config(
            make_app(folder, keys),
            # Addresses hold names, and errors words, of what the user reads and writes.
            access_log=False,
            log_level="error" if os.environ.get("LITHO_DEBUG") else "critical",
            server_header=False,
            timeout_graceful_shutdown=1,
            lifespan="on",
        )
        say(f"the workbench of {folder} is at\n\n    {keys.link}\n\nCtrl-C stops it; jobs go on")
        if browser:
            webbrowser.open(keys.link)
        with suppress(KeyboardInterrupt):  # of Ctrl-C, once everything has been closed
            uvicorn.Server(config).run([listening])


def _bound(port: int) -> socket.socket:
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((HOST, port))
    except OSError as error:
        listening.close()
        raise LithoError(
            f"the port {port} cannot be used ({error.strerror}): choose another with --port, or 0 "
            "for any that is free"
        ) from None
    return listening
