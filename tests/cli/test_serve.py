"""`litho serve`: what it refuses before it serves."""

from collections.abc import Callable
from importlib.util import find_spec as found
from pathlib import Path

import pytest

from litho.core.errors import LithoError
from litho.serve import start

Litho = Callable[..., tuple[int, str, str]]


def test_without_the_extra_it_says_what_to_install(
    litho: Litho, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "importlib.util.find_spec", lambda name: None if name == "uvicorn" else found(name)
    )
    code, _, err = litho("serve", "--no-browser")
    assert code == 2 and "needs uvicorn" in err and "pip install 'litho[serve]'" in err


@pytest.mark.enable_socket
def test_a_port_that_is_taken_is_told() -> None:
    with start._bound("127.0.0.1", 0) as first:
        port = first.getsockname()[1]
        with pytest.raises(
            LithoError, match=f"port {port} of 127.0.0.1 cannot be used .*, or 0 for"
        ):
            start._bound("127.0.0.1", port)


def test_a_folder_that_cannot_be_written_to_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LithoError, match="cannot be written to"):
        start.serve(tmp_path / "file", 0, False, print)
