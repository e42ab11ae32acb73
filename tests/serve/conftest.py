"""A workbench of an empty folder."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from litho.serve.app import make_app
from litho.serve.pages.base import Bench
from tests.serve.bench import HERE, KEYS, DeskHere


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "work"


@pytest.fixture
def stranger(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    """A client without the cookie."""
    folder.mkdir()
    monkeypatch.setattr("litho.serve.app.Desk", DeskHere)
    app = make_app(folder, KEYS, keep=False)
    with TestClient(app, base_url=HERE, follow_redirects=False) as client:
        yield client


@pytest.fixture
def client(stranger: TestClient) -> TestClient:
    """A client that has opened the link."""
    assert stranger.get(KEYS.link).status_code == 303
    return stranger


@pytest.fixture
def bench(stranger: TestClient) -> Bench:
    bench: Bench = stranger.app.state.bench  # type: ignore[attr-defined]
    return bench
