"""`litho serve`: the workbench in the browser."""

from pathlib import Path
from typing import Annotated

import typer

from litho.core.errors import LithoError

EXTRA = ("fastapi", "uvicorn", "python_multipart")  # what litho[serve] brings


def serve(
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port of this machine; 0: any that is free.")
    ] = 8470,
    no_browser: Annotated[
        bool, typer.Option("--no-browser", help="Print the link and open no browser.")
    ] = False,
) -> None:
    """Open the workbench of this folder in the browser, on this machine alone."""
    from importlib.util import find_spec

    if missing := [name for name in EXTRA if find_spec(name) is None]:
        raise LithoError(
            f"'litho serve' needs {', '.join(missing)}: install the extra with "
            "pip install 'litho[serve]'"
        )
    from litho.serve.start import serve as run

    run(Path.cwd(), port, not no_browser, lambda link: print(link, flush=True))
