"""`litho serve`: the workbench in the browser."""

from pathlib import Path
from typing import Annotated

import typer

from litho.core.errors import LithoError

EXTRA = ("fastapi", "uvicorn", "python_multipart")  # what litho[serve] brings


def serve(
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port to listen on; 0: any that is free.")
    ] = 8470,
    no_browser: Annotated[
        bool, typer.Option("--no-browser", help="Print the link and open no browser.")
    ] = False,
    host: Annotated[
        str,
        typer.Option(
            help="Address or name to listen on; one that other machines reach needs the three "
            "options below."
        ),
    ] = "127.0.0.1",
    password_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="File with a password that opens the pages.")
    ] = None,
    tls_cert: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Certificate for TLS, in PEM.")
    ] = None,
    tls_key: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Its private key, in PEM.")
    ] = None,
) -> None:
    """Open the workbench of this folder in the browser, on this machine alone unless told so."""
    from importlib.util import find_spec

    if missing := [name for name in EXTRA if find_spec(name) is None]:
        raise LithoError(
            f"'litho serve' needs {', '.join(missing)}: install the extra with "
            "pip install 'litho[serve]'"
        )
    from litho.serve.address import address_of
    from litho.serve.start import serve as run

    address = address_of(host, password_file, tls_cert, tls_key)
    run(Path.cwd(), port, not no_browser, lambda link: print(link, flush=True), address)
