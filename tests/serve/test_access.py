"""axe-core finds no serious fault on a page: both languages, light and dark, wide and narrow."""

import shutil
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from urllib.parse import urljoin

import pytest
from playwright.sync_api import Browser, Page, expect

from litho.serve.queue import Queue
from litho.text.school.canonical import of_world, written
from litho.text.school.world import World
from tests.builders import TEXT
from tests.serve.bench import served
from tests.serve.browsing import LONG, needs_chromium, opened
from tests.serve.found import written_ensemble, written_family, written_live

pytest.importorskip("axe_playwright_python", reason="needs axe-core: axe-playwright-python")
pytestmark = [pytest.mark.browser, needs_chromium]
AXE = Path(str(files("axe_playwright_python") / "axe.min.js"))
PAGES = (
    "/", "/variants", "/print", "/ask", "/trails", "/school", "/school/genome?path=school.yaml",
    "/school/family?path=runs/bred", "/jobs/1", "/runs", "/run?path=runs/done",
    "/compare?run=runs/done&other=runs/again", "/matrix?path=runs/all", "/effects", "/nothing",
)  # fmt: skip
LOOKS = {"en": [("light", 1280), ("dark", 400)], "ru": [("dark", 1280), ("light", 400)]}


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory, finished: Path) -> Iterator[str]:
    """Where a folder is served that has something for each page."""
    folder = tmp_path_factory.mktemp("everything")
    for name in ("done", "again"):
        shutil.copytree(finished, folder / "runs" / name)
    written_family(folder / "runs" / "bred")
    written_ensemble(folder / "runs" / "all")
    written_live(folder / "runs" / "school")
    (folder / "school.yaml").write_text(written(of_world(World(3, 2, 12, 2), 3_000)))
    queue = Queue(folder)
    queue.pause(queue.add("school", "school", "runs/school", None).id)
    with served(folder) as (_, link):
        yield link


@pytest.mark.parametrize("language", LOOKS)
def test_no_page_has_a_serious_fault(browser: Browser, everything: str, language: str) -> None:
    page, _ = opened(browser, everything, 1280, language)
    page.add_init_script(path=AXE)  # as an extension of the browser would: the policy holds
    faults = [
        f"{path} {scheme} {width}: {fault}"
        for path in PAGES
        for scheme, width in _filled(page, urljoin(everything, path), LOOKS[language])
        for fault in _faults(page)
    ]
    assert not faults, "\n".join(faults)
    page.evaluate("document.querySelector('main').append(document.createElement('button'))")
    assert any("button-name" in fault for fault in _faults(page))  # one that is there is found
    page.close()


def _filled(page: Page, url: str, looks: list[tuple[str, int]]) -> Iterator[tuple[str, int]]:
    """A page with something on it, in one look after the other."""
    page.goto(url)
    path = url.split("/", 3)[-1]
    if path == "":
        page.select_option("#model", "tiny:llama")
        page.fill("#text", TEXT)
        expect(page.locator(".reading")).to_have_text(TEXT, timeout=LONG)
        page.click("#field summary")
    if path == "variants":
        page.select_option("#model", "tiny:llama")
        page.fill("#source", f"{TEXT} [[? Really.]] [[a | b]]")
        expect(page.locator("#plan tbody tr").first).to_be_visible(timeout=LONG)
    if path.startswith("school/genome"):
        page.click("#evolution summary")
    for scheme, width in looks:
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        page.set_viewport_size({"width": width, "height": 900})
        yield scheme, width


def _faults(page: Page) -> list[str]:
    """What is serious or critical, and where."""
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
    return [
        f"{each['id']} at {node['html'][:120]}"
        for each in found
        if each["impact"] in ("serious", "critical")
        for node in each["nodes"][:3]
    ]
