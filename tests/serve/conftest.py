"""A workbench of an empty folder."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright
from starlette.testclient import TestClient

from litho.serve.app import make_app
from litho.serve.pages.base import Bench
from tests.serve.bench import HERE, KEYS, DeskHere, served
from tests.serve.browsing import CHROMIUM


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


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        yield found
        found.close()


@pytest.fixture(scope="module")
def link(tmp_path_factory: pytest.TempPathFactory, finished: Path) -> Iterator[str]:
    """Where a workbench with one finished run is served."""
    folder = tmp_path_factory.mktemp("served")
    shutil.copytree(finished, folder / "runs" / "done")
    with served(folder) as (_, found):
        yield found
