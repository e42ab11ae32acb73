"""A workbench in a real browser."""

import shutil

import pytest
from playwright.sync_api import Browser, Page, expect

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
needs_chromium = pytest.mark.skipif(
    CHROMIUM is None, reason="needs Chromium (Debian: apt-get install chromium)"
)
LONG = 120_000  # milliseconds: a model is loaded on the way
expect.set_options(timeout=30_000)  # a busy machine is no fault


def opened(browser: Browser, link: str, width: int, language: str) -> tuple[Page, list[str]]:
    """The first page in a window, and everything that went wrong or was asked of other hosts."""
    scheme = "dark" if width < 600 else "light"
    page = browser.new_page(
        viewport={"width": width, "height": 900},
        color_scheme=scheme,  # type: ignore[arg-type]
        locale={"en": "en-US", "ru": "ru-RU"}[language],
        accept_downloads=True,
    )
    trouble: list[str] = []
    host = link.partition("/open")[0]
    page.on("console", lambda m: trouble.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda error: trouble.append(str(error)))
    page.on("request", lambda r: None if r.url.startswith(host) else trouble.append(r.url))
    page.on("dialog", lambda dialog: trouble.append(dialog.message))
    page.goto(link)
    return page, trouble


def check_width(page: Page) -> None:
    page.wait_for_load_state()  # with its style
    wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert wide <= 0, page.url
