"""A workbench in a test: its application behind a client that has opened the link."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from starlette.testclient import TestClient

from litho.core.errors import LithoError
from litho.serve.desk_process import Desk as DeskProcess
from litho.serve.guard import Keys

KEYS = Keys(8470)
HERE = "http://127.0.0.1:8470"


class DeskHere:
    """A desk whose questions are answered in this process."""

    def __init__(self, _: Path) -> None:
        self._desk = DeskProcess()

    def ask(self, **question: object) -> dict[str, Any]:
        *_, last = self.listen(**question)
        return last

    def listen(self, **question: object) -> Iterator[dict[str, Any]]:
        lines: list[dict[str, Any]] = []
        end = self._desk.answer(json.loads(json.dumps(question)), lines.append)
        yield from [*lines, end]

    def end_if_idle(self) -> None: ...

    def end(self) -> None: ...


class RefusingDesk(DeskHere):
    """A desk that must not be asked."""

    def listen(self, **question: object) -> Iterator[dict[str, Any]]:
        raise LithoError(f"nothing should be asked, but {question['do']} is")


def posted(client: TestClient, path: str, /, **fields: str) -> Any:  # noqa: ANN401  a response
    """What a form of one of our pages gets."""
    return client.post(path, data={"csrf": KEYS.csrf, **fields}, headers={"Origin": HERE})


def sent(client: TestClient, path: str, /, **values: object) -> Any:  # noqa: ANN401  a response
    """What a script of one of our pages gets."""
    return client.post(path, json=values, headers={"Origin": HERE, "X-CSRF": KEYS.csrf})


def written_run(path: Path, command: str = "map", **manifest: object) -> Path:
    """A finished run of which there is only what the list shows."""
    path.mkdir(parents=True)
    told = {"command": command, "text_name": path.name, "model": {"name": "tiny:llama"}}
    (path / "manifest.yaml").write_text(yaml.safe_dump(told | manifest))
    (path / "metrics.json").write_text(json.dumps({"surprise": {"mean": 2.5, "max": 9.0}}))
    return path


@contextmanager
def served(folder: Path, *options: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A server of a folder, as a process of its own, and its link."""
    server = subprocess.Popen(
        [sys.executable, "-m", "litho", "serve", "--port", "0", "--no-browser", *options],
        cwd=folder,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert server.stdout
        while "://" not in (line := server.stdout.readline()):
            assert line, "the server ended before it told its link"
        yield server, line.strip()
    finally:
        server.kill()
        server.wait()
