"""The report in a real browser: it draws, fits, follows the theme and asks no network."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.test_imprint import finished

__all__ = ["finished"]

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="needs Chromium (Debian: apt-get install chromium)"
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        yield found
        found.close()


def opened(browser: Browser, path: Path, width: int, scheme: str) -> tuple[Page, list[str]]:
    """The report in a window, and everything that went wrong or was asked of the network."""
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)  # type: ignore[arg-type]
    trouble: list[str] = []
    page.on("console", lambda m: trouble.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda error: trouble.append(str(error)))
    page.on(
        "request", lambda r: None if r.url.startswith(("file:", "data:")) else trouble.append(r.url)
    )
    page.goto(path.as_uri())
    page.wait_for_selector(".plot .main-svg", timeout=10_000)
    return page, trouble


@pytest.mark.parametrize("width", [1280, 400])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_report_opens(browser: Browser, finished: Path, width: int, scheme: str) -> None:
    page, trouble = opened(browser, finished / "report.html", width, scheme)
    assert trouble == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.locator(".plot").count() == page.locator(".plot:has(.main-svg)").count() == 3
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, background[4:-1].split(","))) < 384) == (scheme == "dark")
    page.close()


def test_pointing_at_a_token_shows_what_the_model_expected(
    browser: Browser, finished: Path
) -> None:
    page, _ = opened(browser, finished / "report.html", 1280, "light")
    token = page.locator(".reading span").nth(5)
    token.hover()
    tip = page.locator("#tip")
    assert tip.is_visible()
    assert "surprise" in tip.inner_text() and "%" in tip.inner_text()
    assert page.locator(".reading").first.inner_text().startswith("The clock of Ostrava")
    page.close()
